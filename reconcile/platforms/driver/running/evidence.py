"""What the platform has done of a call that it did not answer."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from reconcile.model.book import Call, Edit, Step
from reconcile.model.platform import Contents, LinkKind, ObjectKind, Row
from reconcile.platforms.driver.vocabulary import NAME_OF


class Seen(NamedTuple):
    """What the platform shows of a call."""

    done: bool
    """All of it."""
    platform_id: str = ""
    """The id of what it created."""
    links: tuple[bool, ...] = ()
    """Which of its links are as it asked for."""


def look(call: Call | None, contents: Contents, known: set[tuple[str, str]]) -> Seen:
    """Whether `contents` show the call done.

    `known`: kind and id of what the platform had before; an object among these was not created by
    the call. What was is added.
    """
    if call is None:  # only the book changes
        return Seen(True)
    if call.operation in ("link", "unlink"):
        links = _linked(call, contents)
        return Seen(all(links), links=links)
    rows: Mapping[str, Row] = contents.rows.get(cast("ObjectKind", call.kind), {})
    if call.operation == "delete":
        return Seen(call.platform_id not in rows)
    if call.operation == "update":
        row = rows.get(call.platform_id)
        return Seen(row is not None and _has(row, call))
    new = (own for own in rows if (call.kind, own) not in known and _is_created(rows[own], call))
    created = next(new, "")
    if created:
        known.add((call.kind, created))
    return Seen(bool(created), created)


def edits_of(step: Step, links: Sequence[bool]) -> tuple[Edit, ...]:
    """What the book says of the links of a step that were made."""
    return tuple(edit for edit, made in zip(step.edits, links, strict=False) if made)


def _linked(call: Call, contents: Contents) -> tuple[bool, ...]:
    links = contents.links.get(cast("LinkKind", call.kind), ())
    return tuple((pair in links) == (call.operation == "link") for pair in call.pairs)


def _has(row: Row, call: Call) -> bool:
    """Whether every field that the call sets has its value."""
    return all(_is_kept(row, name, value) for name, value in call.fields.items())


def _is_kept(row: Row, name: str, sent: str | dict[str, str | None]) -> bool:
    """Whether a field has the value that was sent. One that the platform does not keep counts."""
    if isinstance(sent, dict):
        attributes = row.get(name, {})
        return all(attributes.get(part) == value for part, value in sent.items())
    return bool(row.get(name, sent) == sent)


def _is_created(row: Row, call: Call) -> bool:
    """Whether an object is the requested one.

    The external id proves it, if the platform keeps one. Otherwise the name alone is no proof,
    because a person may have created an object with this name in the meantime: every field has to
    be as it was sent.
    """
    external_id = call.fields.get("external_id")
    if external_id and row.get("external_id"):
        return bool(row["external_id"] == external_id)
    name = NAME_OF[cast("ObjectKind", call.kind)]
    same = row.get(name) == call.fields.get(name)
    return same and row.get("parent", "") == call.fields.get("parent", "") and _has(row, call)
