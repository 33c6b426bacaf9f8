"""The adapters of the Directory port: they read persons, groups and OUs, completely or not at all.

What is the same for every directory stands in `reading` (searches → snapshot), `entries` (one entry → one value) and
`vendors` (what differs by source type, as data); they know nothing of sockets and files. `ldap` talks to servers:
`connecting` (failover), `securing` (TLS), `binding`, `session` (paged searches), `messages` (the bytes), `failures`
(what went wrong, in words). `memory` holds its entries in a `tree`, whose filters `matching` evaluates; `ldif` fills
it with the `records` of files. ldap3 is imported by `library` alone.
"""
