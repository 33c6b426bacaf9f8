"""Frozen values and nothing else: no I/O, no clock, no behaviour but comparing and naming.

- `directory`: what is read from a source - persons, groups, organizational units, the snapshot.
- `platform`: what lives on the platform - one type for what is wanted and what exists.
- `desired`: what the user's files say, with every default filled in.
- `change`: one typed step, the plan made of them, skips and violations.
- `report`: what happened to each change. `history`: what is kept of a run, in a chain.
- `explanation`: why a person is in or out, rule by rule.
- `overview`: the groups and departments of a source as trees, to look at.
- `login`: the names that a person who logs in may be known by, and who it turns out to be.
- `names`: a platform state in names, as changes speak of it.
- `dn`: distinguished names that compare as RFC 4514 says.
- `path`: the paths that name departments.
- `digest`: the fingerprint of any value.
"""
