"""A database as reconcile uses it.

SQLite, PostgreSQL or MariaDB; many rows at once, errors in words.
"""
