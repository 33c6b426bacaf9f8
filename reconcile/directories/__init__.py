"""The adapters of the Directory port: they read persons, groups and OUs, completely or not at all.

What is the same for every directory stands in `reading` (searches → snapshot), `finding` (who is
still there) and `entries` (one entry → one value, `aliases` of attributes included); what differs
by source type is data in `vendors`. `activedirectory` reads what is written there only; `ranges`,
`primarygroups` and `nesting` complete its groups. None of these knows of sockets and files. `ldap`
talks to servers: `retrying` (again, elsewhere), `connecting` (failover), `opening` (one server:
`reaching`, TLS with `securing` and `fitness`, `binding`, with a ticket `kerberos`) and `session`
(searches over a `wire`, in `messages`). A wait has a deadline (`deadlines`), a read an `allowance`,
and an answer is one to what was `asked`, within its scope (`scopes`); `failures` says what went
wrong. The `transports` `over_ldap3` and `over_python_ldap` write requests and take entries apart;
`choosing` says which one serves. `memory` holds its entries in a `tree`, whose filters `matching`
evaluates; `ldif` fills it with the `records` of files. ldap3 is imported by `library` alone,
python-ldap by `over_python_ldap.library`, gssapi by `kerberos`, and none of them before it is
needed.
"""
