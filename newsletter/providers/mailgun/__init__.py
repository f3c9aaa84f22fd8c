"""Mailgun: sending, and its events."""
