"""TLS: the context of a connection, and whether a certificate is one for this server."""
