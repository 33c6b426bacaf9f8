"""Commands for other programs, and about the command itself."""
