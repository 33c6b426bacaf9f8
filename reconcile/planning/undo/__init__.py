"""The plan that takes back a run."""
