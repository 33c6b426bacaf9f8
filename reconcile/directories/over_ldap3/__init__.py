"""What ldap3 does: it writes search requests and parses filters, and never sees a connection."""
