"""From what is wished and what is there to an ordered list of changes. Everything here only computes.

No I/O, no clock, no randomness: the same inputs give the same plan to the byte. Read in this order: `query` (what to
ask a directory for), `index` (a snapshot made fast to look things up in), `scope` (who is wanted), `matching` (who is
which user), `naming` (who may have which username), `wanted` (the state the rules demand), `diff`, `order`, `make`.
`survey` and `overview` only look at a source; `preview` tells who would be synchronised; `undo` makes a plan of what a
run did, not of what a directory says.
"""

from reconcile.planning.make import Inputs, lost, make
from reconcile.planning.overview import outlined, overview, tree_query
from reconcile.planning.preview import Preview, preview
from reconcile.planning.query import query
from reconcile.planning.survey import keyword, search_query, survey
from reconcile.planning.undo import Undo, undo

__all__ = [
    "Inputs",
    "Preview",
    "Undo",
    "keyword",
    "lost",
    "make",
    "outlined",
    "overview",
    "preview",
    "query",
    "search_query",
    "survey",
    "tree_query",
    "undo",
]
