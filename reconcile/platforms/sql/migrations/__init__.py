"""How the tables come about and change: one file in `versions` for each revision, never edited once released."""
