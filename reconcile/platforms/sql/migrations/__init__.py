"""How the tables come about: a file in `versions` per revision, never edited once released.

SQLite and PostgreSQL undo a revision that is interrupted. MariaDB keeps each statement of it: there
a revision has to look what it did already, or begin by undoing it, as `schema` does with the first
one.
"""
