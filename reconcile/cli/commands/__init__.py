"""A module for each family of commands."""
