"""The driver: makes what planning and applying need of any Platform and a Ledger.

- `platform`: the ManagedPlatform itself.
- `merge`: what the platform has and what the ledger remembers, as one PlatformState.
- `completeness`: whether what was read of the platform can be all of it.
- `writer`: batches of changes to steps; by kind: `objects`, `links`, `renames`, on a `batch`.
- `chains`: changes that wait for one another. `vocabulary`: what a kind's name and ends are.
- `steps`: steps are journaled, made several at once, and looked up where they are not answered.
- `agenda`: which of them can be made next.
- `evidence`: whether the platform has done a step. `replay`: what a run did that died.
"""
