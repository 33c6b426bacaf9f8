"""The platform processmaker: the database of a ProcessMaker 3 site, one for each workspace.

- `settings`: what the file says, without I/O; `abilities`: what the product can hold.
- `tables`: the product's tables, as far as they matter here, and reconcile's side table.
  `uids`: the ids of rows that every site has. `site`: how one database differs from another.
- `database`: one workspace's database, in which the tables of the ledger have a prefix.
- `kept`: what the product has no place for, or must not see. `takeover`: names of entries that
  move there, so that the product's own synchroniser leaves the site alone.
- `reading`: all there is. `users_read`, `titles`, `in_use`: parts of it. `dates`: days.
- `write`: calls as statements, many rows in each.
- `sources`: the product's authentication sources; `php`: how it keeps their settings.
- `checking`: what `reconcile test` says of a site.
- `platform`: the adapter.
"""
