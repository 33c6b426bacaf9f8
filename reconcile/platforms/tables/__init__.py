"""The tables platform: the SQL tables that an application has anyway, mapped in YAML.

- `declared`: what the file says. Without SQLAlchemy, so that checking a file stays quick.
- `mapping`: what that means; `resolving` finds it in the `catalog` of the database, by `columns`;
  `inside` is about `where`, `literals` are values of the file in columns.
- `abilities`, `charset`: what these tables can hold. `check`: what `reconcile test` says of them,
  with `fitting` of what does not work.
- `reading`: all there is; `read_references` keeps it sound. `write`: calls as
  statements. Every one is built of reflected columns.
- `platform`: the adapter. `reconcile.platforms.database` speaks to the database.
"""
