"""Quiet runs: what was read is what the last empty plan was made from, so the plan is empty.

Planning only computes. If everything that goes into a plan is as it was when a plan was empty, the
plan is that empty plan. A quiet run reads both sides completely, every page and every row, and
leaves out only decoding and deciding.

- `parts`: everything that goes into a plan, as an ordered list of named digests.
- `memo`: what the ledger keeps of a full run that found nothing to do. `seal` hides in it what may
  name people: only who reads the same again can open it.
- `recording`: a full run, which leaves a memo. `answering`: a quiet run, or why it is none.
- `planned`: which of the two, and whether they agree.
"""
