"""Frozen values and nothing else: no I/O, no clock, no behaviour except comparing and naming.

- `directory`: what is read from a source - persons, groups, organizational units, the snapshot.
- `platform`: what is on the platform - one type for what is wanted and what exists.
- `desired`: what the user's files say, with every default filled in.
- `kinds`: the fields of each kind.
- `change`: one typed step, the plan made of them, skips and violations. `notice`: its notices.
- `report`: what happened to each change. `history`: the record of runs, in a chain, which
  `verification` checks.
- `book`: what is remembered about a platform without reconcile's tables.
- `explanation`: why a person is in or out, rule by rule.
- `overview`: the groups and departments of a source as trees, to look at.
- `login`: the names of a person who logs in, and the person found. `member_uid`: logins in groups.
- `named_state`: a platform state in names, as changes use them.
- `text`: how names and values are compared, shown and taken apart.
"""
