"""The adapters of the Directory port: they read persons, groups and OUs, completely or not at all.

- `snapshot`: from searches to a complete snapshot, the same for every directory. `find` looks for
  people whom the rules do not find; `entries` makes one value of one entry.
- `search`: a search and its answers, whichever library carries them.
- `vendors`: what differs by source type, as data.
- `ldap`: servers in turn, repeated reads, logins. `connection`: one server, in which every wait has
  an end. `tls`: certificates.
- `over_ldap3`: what ldap3 does: it writes requests and parses filters.
- `ldif`: entries from files and in memory, searched as on a server.

`snapshot`, `search` and `vendors` know nothing about sockets and files. A wait has a deadline
(`deadlines`), a read has an allowance, and an answer has to be one to the request. ldap3 is
imported only by `over_ldap3.library` and gssapi by `connection.kerberos`, and neither before it is
needed.
"""
