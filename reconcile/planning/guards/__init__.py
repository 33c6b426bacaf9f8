"""What a plan may not do unless a person accepts it, and what it may never do."""
