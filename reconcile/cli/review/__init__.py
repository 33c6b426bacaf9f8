"""Plans for reviewers and pipelines: the options that name and redact a plan, and --outputs."""
