"""The whole configuration with every default, and where each value comes from."""
