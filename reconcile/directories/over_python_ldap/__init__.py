"""LDAP by python-ldap, where it is installed. `opening` connects, `protecting` does TLS, `session` searches.

python-ldap is imported by `library` alone, and that only once a source is read with it.
"""
