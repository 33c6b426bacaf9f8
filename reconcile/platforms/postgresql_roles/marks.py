"""What reconcile notes in the comment of a role, behind whatever a person wrote there.

    Alice, accounting [reconcile user id=6f1c until=20270101000000Z]

It says that the role is a user even where it cannot log in, and which entry of a directory it
stands for: so users are recognised when the ledger is lost. The expiry is noted as the directory
wrote it.
"""

import re
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, unquote

from reconcile.model.platform import ObjectKind

_MARK: Final = re.compile(r" ?\[reconcile (user|group)((?: [a-z]+=[^\] ]*)*)\]$")
_SAFE: Final = "-_.~:/@,+"
Kind = Literal["user", "group"]


class Mark(NamedTuple):
    """What the comment of a role says."""

    kind: Kind
    external_id: str = ""
    until: str = ""
    """The expiry as the directory writes it; "" for none."""
    text: str = ""
    """What a person wrote, before the mark."""


def parse(comment: str) -> Mark | None:
    """The mark of a comment; None where it has none."""
    found = _MARK.search(comment) if comment.endswith("]") else None
    if found is None:
        return None
    parts = dict(part.split("=", 1) for part in found[2].split())
    kind: Kind = "user" if found[1] == "user" else "group"
    text = comment[: found.start()]
    return Mark(kind, unquote(parts.get("id", "")), unquote(parts.get("until", "")), text)


def marked(kind: ObjectKind, comment: str) -> Mark:
    """The mark of an object whose comment may have none yet."""
    known = parse(comment)
    if known is not None:
        return known
    return Mark("user" if kind == "user" else "group", text=comment)


def written(mark: Mark) -> str:
    """The whole comment."""
    parts = [f"reconcile {mark.kind}"]
    if mark.external_id:
        parts.append(f"id={quote(mark.external_id, safe=_SAFE)}")
    if mark.until:
        parts.append(f"until={quote(mark.until, safe=_SAFE)}")
    return f"{mark.text} [{' '.join(parts)}]".lstrip()
