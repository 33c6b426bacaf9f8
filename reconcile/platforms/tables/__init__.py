"""The tables platform: the SQL tables that an application has anyway, mapped in YAML.

- `settings`: what the file says; `conditions` and `values` read the small languages in it. Without
  SQLAlchemy, so that checking a file stays quick.
- `mapping`: the settings, resolved against the tables that the database really has (`columns`).
- `abilities`: what these tables can hold. `check`: what `reconcile test` says of them.
- `reading`, `objects` and `links`: statements, all of them built from reflected columns.
- `platform`: the adapter. `reconcile.platforms.database` speaks to the database.
"""
