"""The plan that undoes a run."""
