"""The contract suites: tests that every adapter passes.

- `objects`, `names`, `nesting`, `history`, `quiet`: for platforms; they ask for the fixtures `case`
  (a `reconcile.testing.Case`) and `platform`. `objects` is `fields`, `endings`, `runs` and
  `sources`.
- `directories`: for directories; it asks for the fixture `make`.
- `transactions`: for platforms that keep a run as a whole or not at all, and for no others.
"""
