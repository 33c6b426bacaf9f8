"""What platforms that are reached over HTTP share: `scim` and `vmmanager`.

`session` repeats and waits, `exchange` makes one request within bounds, `pace` and `locks` keep
requests apart, `answers` and `values` are for JSON that nothing guarantees, `address` is for URLs.
What an answer means is the platform's own: a `Dialect`.
"""
