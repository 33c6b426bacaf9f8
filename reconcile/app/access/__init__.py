"""Who has access, and since when: what `roles`, `users`, `review` and `history` look at."""
