"""The first line of a comment: a pipeline finds its comment by it, and apply the plan it is about.

    <!-- reconcile plan: main sha256:4be0643f1d98… commit:1f0c9a… -->

What is not known is left out. Nothing in it can end the HTML comment.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from reconcile.model.change import Plan
from reconcile.model.report import Showing

_LONGEST: Final = 200
"""Characters of the name."""


def marker(plan: Plan, showing: Showing) -> str:
    """The line for a plan; its name is that of --name, or those of its workspaces."""
    name = showing.name or ",".join(sorted(plan.digests.current)) or "plan"
    return f"<!-- reconcile plan: {' '.join([_plain(name), *_facts(showing)])} -->"


def _facts(showing: Showing) -> Iterator[str]:
    """The digest and the commit, as far as they are known."""
    if showing.digest:
        yield f"sha256:{_plain(showing.digest)}"
    if showing.commit:
        yield f"commit:{_plain(showing.commit)}"


def _plain(text: str) -> str:
    """The text in letters, digits and a few signs, everything else percent-encoded.

    Two hyphens would end a comment for some parsers.
    """
    encoded = quote(text[:_LONGEST].encode("utf-8", "replace"), safe="/,+:@=")
    return encoded.replace("@", "%40").replace("--", "-%2D").rstrip("-") or "%2D"
