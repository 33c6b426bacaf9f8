"""What reconcile remembers, in a database: locks, history, failed logins.

For platforms without reconcile's tables also the book and the journal.

- `tables`, `workspaces`: what every such database has.
- `store`: a database with its locks, history and logins; the sql platform has one, and each ledger.
- `lock`: one run at a time; `processes` distinguishes the living from the dead.
- `history`: what runs did. `attempts`, `attempt_rules`: logins that failed.
- `settling`: what became of a transaction whose COMMIT was not answered.
"""
