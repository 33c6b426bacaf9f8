"""Secrets: where they come from, fetched when they are needed, and never shown."""
