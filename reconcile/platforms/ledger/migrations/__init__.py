"""How the tables of a ledger come about and change: one file in `versions` for each revision.

A revision is never edited once it is released.
"""
