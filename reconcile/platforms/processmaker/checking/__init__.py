"""What `reconcile test` says of a site: `check`, with `inequalities` of its tables."""
