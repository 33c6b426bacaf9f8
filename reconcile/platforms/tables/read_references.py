"""References between rows that were read: managers, departments and their parents."""

from collections.abc import Collection, Iterable, Mapping

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import ObjectKind, Row
from reconcile.model.text.printing import quoted
from reconcile.platforms.tables.mapping import REFERENCES

Rows = dict[str, Row]
"""The rows of one kind by their ids."""


def drop_hidden(rows: Mapping[ObjectKind, Rows]) -> None:
    """A reference to a row that does not count, or is none, is read as nothing."""
    for objects in rows.values():
        some = next(iter(objects.values()), {})
        for name in REFERENCES.keys() & some.keys():
            known = rows.get(REFERENCES[name], {})
            for row in objects.values():
                row[name] = row[name] if row[name] in known else ""


def refuse_circles(departments: Rows) -> None:
    """A department that is its own parent has none; any longer way back to it is a fault."""
    for own, row in departments.items():
        if row["parent"] == own:
            row["parent"] = ""
    sound: set[str] = {""}
    for start in departments:
        sound.update(_way_up(departments, start, sound))


def _way_up(departments: Rows, start: str, sound: Collection[str]) -> Iterable[str]:
    """A department and those above it, up to one from which a way is known to end."""
    way: dict[str, None] = {}
    at = start
    while at not in sound:
        if at in way:
            raise PlatformUnreadable(_circle(departments, way))
        way[at] = None
        at = departments[at]["parent"]
    return way


def _circle(departments: Rows, way: Iterable[str]) -> str:
    titles = " and ".join(quoted(departments[own]["title"]) for own in way)
    return (
        f"the departments {titles} are below each other in a circle: "
        "correct their parents in the application"
    )
