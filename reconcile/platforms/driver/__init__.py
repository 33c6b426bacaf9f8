"""The driver: makes what planning and applying need of any Platform and a Ledger.

- `platform`: the ManagedPlatform itself.
- `merge`: what the platform has and what the ledger remembers, as one PlatformState.
- `writer`: batches of changes to steps; by kind: `objects`, `links`, `renames`, on a `batch`.
- `steps`: steps are journaled, made several at once, and looked up where they are not answered.
- `evidence`: whether the platform has done a step. `replay`: what a run did that died.
"""
