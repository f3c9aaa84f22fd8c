"""The list of subscribers: sign-up, preferences, unsubscribing, events, export and erasure."""
