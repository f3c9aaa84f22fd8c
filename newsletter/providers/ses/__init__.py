"""Amazon SES: sending, and its events."""
