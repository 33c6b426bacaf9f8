"""LDAP by ldap3, always there. `opening` connects, `securing` wraps in TLS, `session` searches by `messages`.

`sealing` wraps in what Kerberos encrypts.
"""
