"""Lettermint: sending, and its events."""
