"""The adapter for directories that speak LDAP: servers in turn, reads, logins."""
