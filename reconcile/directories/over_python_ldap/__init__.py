"""LDAP by python-ldap, if installed: libldap writes the requests and takes entries apart.

python-ldap is imported by `library` alone, and that only once a source is read with it.
"""
