"""One suite over every adapter of a port: what the port promises, kept by all of them."""
