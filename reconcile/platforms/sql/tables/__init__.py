"""The tables of the sql platform, and the revision of a database."""
