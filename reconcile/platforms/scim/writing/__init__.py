"""Changes as deltas, one at a time for each object, and whether they were done."""
