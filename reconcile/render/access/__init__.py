"""Who has which role and is in which group: rows for tables, and the pages of a review."""
