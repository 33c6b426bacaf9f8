"""LDAP by ldap3, always there: `codec` writes the requests and reads the entries."""
