"""Logging in: a directory checks a password, and the user is brought up to date."""
