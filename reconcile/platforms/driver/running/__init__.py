"""Steps are carried out: their calls are made, and the ledger says what became of them.

- `steps`: steps are journaled, made several at once, and looked up where they are not answered.
- `together`: the same for a platform whose database holds the ledger, in one transaction.
- `agenda`: which of them can be made next.
- `evidence`: whether the platform has done a step. `replay`: what a run did that died.
"""
