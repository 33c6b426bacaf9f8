"""What others learn of a run: metrics for Prometheus, notifications, and `reconcile status`.

Nothing here changes a run or its exit code, and nothing names people: only counts and sources.
"""
