"""Tables to a platform state, and whether their rows can be trusted."""
