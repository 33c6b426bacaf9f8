"""From what is wished and what is there to an ordered list of changes. Everything here only computes.

No I/O, no clock, no randomness: the same inputs give the same plan to the byte. Read in this order: `query` (what to
ask a directory for), `index` (a snapshot made fast to look things up in), `scope` (who is wanted), `matching` (who is
which user), `naming` (who may have which username), `wanted` (the state the rules demand), `diff`, `order`, `make`.
"""

from reconcile.planning.make import Inputs, lost, make
from reconcile.planning.query import query

__all__ = ["Inputs", "lost", "make", "query"]
