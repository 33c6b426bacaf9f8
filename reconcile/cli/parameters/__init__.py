"""Options that need more than a line: variables from several places, and metrics."""
