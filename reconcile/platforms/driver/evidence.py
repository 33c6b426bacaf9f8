"""Whether the platform has done what it was asked to do and did not answer for."""

from collections.abc import Collection, Mapping
from typing import cast

from reconcile.model.book import Call
from reconcile.model.platform import Contents, LinkKind, ObjectKind, Row
from reconcile.platforms.driver.merge import NAME_OF


def evidence(
    call: Call, contents: Contents, known: Collection[tuple[str, str]]
) -> tuple[bool, str]:
    """Whether `contents` show the call done, and the id of what it created.

    `known`: kind and id of what the platform had before; an object among these was not created by
    the call.
    """
    rows: Mapping[str, Row] = contents.rows.get(cast("ObjectKind", call.kind), {})
    if call.operation == "delete":
        return call.platform_id not in rows, ""
    if call.operation == "update":
        row = rows.get(call.platform_id)
        return row is not None and _has(row, call), ""
    for platform_id, row in rows.items():
        if (call.kind, platform_id) not in known and _is_created(row, call):
            return True, platform_id
    return False, ""


def linked(call: Call, contents: Contents) -> tuple[bool, ...]:
    """Which of the links of a call the platform has, or no longer has, as the call asked for."""
    links = contents.links.get(cast("LinkKind", call.kind), ())
    return tuple((pair in links) == (call.operation == "link") for pair in call.pairs)


def _has(row: Row, call: Call) -> bool:
    """Whether every field that the call sets has its value.

    A field that is not kept does not count.
    """
    for name, value in call.fields.items():
        if isinstance(value, dict):
            has = row.get(name, {})
            if any(has.get(part) != wanted for part, wanted in value.items()):
                return False
        elif name in row and row[name] != value:
            return False
    return True


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
