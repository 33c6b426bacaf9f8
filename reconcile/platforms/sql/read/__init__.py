"""Tables to a platform state, and whether what is there can be believed."""
