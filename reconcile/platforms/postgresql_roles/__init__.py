"""The roles of a PostgreSQL server themselves: users that log in, and groups that hold rights.

A user is a role with LOGIN, a group one without; a membership is GRANT group TO user, a nested
group GRANT group TO group; a role of the rules is an existing role that is granted. Users who are
out of service have NOLOGIN.

- `settings`: keys and abilities. `database`: that of the URL, with the ledger in a schema.
- `reading`: roles to contents; `marks`: what reconcile notes in the comment of a role.
- `acts`: calls to acts; `running`: acts in bulk, on the server.
- `removal`: before a role is dropped; `sessions`: once it cannot log in.
- `checks`: what `reconcile test` says.

SQLAlchemy is imported when the platform is first used, not when its settings are checked.
"""

from reconcile.platforms.postgresql_roles.platform import PostgresqlRoles

__all__ = ["PostgresqlRoles"]
