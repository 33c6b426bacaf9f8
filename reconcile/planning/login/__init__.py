"""One person logs in: by which source, under which names, and what the rules say of that person."""

from reconcile.planning.login.decision import LoginDecision, judge
from reconcile.planning.login.login_names import attempts_key, names, source_of
from reconcile.planning.login.one_person import doubtful, is_excluded

__all__ = [
    "LoginDecision",
    "attempts_key",
    "doubtful",
    "is_excluded",
    "judge",
    "names",
    "source_of",
]
