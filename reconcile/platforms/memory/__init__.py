"""A platform that lives in memory: for tests and for trying things out."""
