"""The outbox: a provider that mails nobody."""
