"""What runs did: from outcomes to entries, into the tables and out of them.

- `entries`: the entries of a run. `people`: which entries are about a user, by id or by name.
- `record`: a run is added to the tables, and what earlier runs said of erased users is removed.
- `packs`: some thousand entries in one row, for large runs. `pack_rows`: those rows in and out.
- `rows`: rows of the tables to values. `read`: the History of a database.

`entries`, `packs` and `people` only compute: a platform that lives in memory follows them too.
"""
