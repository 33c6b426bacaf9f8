"""LDAP by python-ldap, where it is installed: `codec` has libldap write the requests and take entries apart.

python-ldap is imported by `library` alone, and that only once a source is read with it.
"""
