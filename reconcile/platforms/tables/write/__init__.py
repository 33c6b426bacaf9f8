"""Calls of the driver as statements: those that are alike go out together."""
