"""Resend: sending, and its events."""
