"""The driver: makes what planning and applying need of any Platform and a Ledger.

- `platform`: the ManagedPlatform itself.
- `merge`: what the platform has and what the ledger remembers, as one PlatformState.
- `completeness`: whether what was read of the platform can be all of it.
- `writer`: batches of changes to steps; by kind: `objects`, `links`, `renames`, on a `batch`.
- `chains`: changes that wait for one another. `vocabulary`: what a kind's name and ends are.
- `running`: the steps are carried out, and what a run did that died is found out.
"""
