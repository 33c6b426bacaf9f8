"""From what the files want and what exists to an ordered list of changes. Everything only computes.

No I/O, no clock, no randomness: the same inputs give the same plan to the byte. The rooms, in the
order in which a plan goes through them:

- `selection`: what to ask a directory for, and which entries the rules find in a snapshot.
- `target`: the state that the rules demand: who is which user, under which name, in which groups.
- `changes`: the differences between that and the current state, in their order.
- `guards`: what needs a person's consent, and what is never allowed.
- `undo` makes the changes from what a run did, not from what a directory says. `renames` narrows a
  plan to new usernames, or gives a source another name.
- `views` shows a source and who would be synchronised; `explain` says why one person is, or is not.

`planner` puts them together; `login` does so for one person. `notices` says what a reader of the
plan should know.

What every plan needs is here. What single commands need (`undo`, `renames`, `views`, `explain`,
`login`) is imported from where it is, so that the others start without it.
"""

from reconcile.planning.guards.acceptance import accepted
from reconcile.planning.guards.assertions import assertion_check
from reconcile.planning.guards.checks import login_violations, violations
from reconcile.planning.guards.limits.recent_losses import losses_of_changes, total, window_start
from reconcile.planning.guards.ownership.beyond_rules import beyond_rules
from reconcile.planning.notices import did_you_mean, finds_nothing
from reconcile.planning.planner import Inputs, make_plan, rule_counts, unmatched_users
from reconcile.planning.selection.query import query
from reconcile.planning.selection.rule_counts import RuleCount

__all__ = [
    "Inputs",
    "RuleCount",
    "accepted",
    "assertion_check",
    "beyond_rules",
    "did_you_mean",
    "finds_nothing",
    "login_violations",
    "losses_of_changes",
    "make_plan",
    "query",
    "rule_counts",
    "total",
    "unmatched_users",
    "violations",
    "window_start",
]
