"""Changes to statements, a module for each kind."""
