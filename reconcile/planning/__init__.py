"""From what is wished and what is there to an ordered list of changes. Everything here only computes.

No I/O, no clock, no randomness: the same inputs give the same plan to the byte. Read in this order:
`query` (what to ask a directory for), `index` (a snapshot made fast to look things up in), `people`
(who is wanted), `matching` (who is which user), `naming` (who may have which username), `wanted`
(the state the rules demand), `diff`, `order`, `guard` (what may not happen without a person's
consent, if at all), `make`. `rule_matches` and `rule_counts` say what each pattern finds, `nearest`
what it may have meant, `notices` what a reader of the plan should know. `survey` and `overview`
only look at a source; `preview` tells who would be synchronised, `explain` why one person is;
`usernames` narrows a plan to new usernames, `renaming` gives a source another name; `undo` makes a
plan of what a run did, not of what a directory says.
"""

from reconcile.planning.explain.explain import explain
from reconcile.planning.explain.lookup import asking_query
from reconcile.planning.explain.rule_results import Background
from reconcile.planning.guards.acceptance import accepted
from reconcile.planning.guards.checks import login_violations, violations
from reconcile.planning.guards.limits.recent_losses import losses_of_changes, total, window_start
from reconcile.planning.guards.ownership.beyond_rules import beyond_rules
from reconcile.planning.notices import did_you_mean, finds_nothing
from reconcile.planning.planner import Inputs, make_plan, rule_counts, unmatched_users
from reconcile.planning.renames.source import renaming
from reconcile.planning.renames.usernames import Migration, migration
from reconcile.planning.selection.query import query
from reconcile.planning.selection.rule_counts import RuleCount
from reconcile.planning.undo.plan import Undo, undo
from reconcile.planning.views.preview import Preview, preview
from reconcile.planning.views.search import keyword, search_query, survey
from reconcile.planning.views.tree import outlined, overview, tree_query

__all__ = [
    "Background",
    "Inputs",
    "Migration",
    "Preview",
    "RuleCount",
    "Undo",
    "accepted",
    "asking_query",
    "beyond_rules",
    "did_you_mean",
    "explain",
    "finds_nothing",
    "keyword",
    "login_violations",
    "losses_of_changes",
    "make_plan",
    "migration",
    "outlined",
    "overview",
    "preview",
    "query",
    "renaming",
    "rule_counts",
    "search_query",
    "survey",
    "total",
    "tree_query",
    "undo",
    "unmatched_users",
    "violations",
    "window_start",
]
