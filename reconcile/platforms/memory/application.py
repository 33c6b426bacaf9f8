"""An application that lives in memory: the smallest complete Platform, for tests and examples.

It keeps every call at once, has its own ids, refuses a name that already exists, and can be made to
fail like a service behind a network:

    MemoryApplication(before=hook)

`before` is called with the name of each call before it is made, `after` once it is made; what they
raise is what the caller sees.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from reconcile.model import desired
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.model.text.folding import fold_name
from reconcile.ports import Check, Fault, Progress, Rejected, no_progress

_NAMES: Final[dict[ObjectKind, str]] = {"user": "username", "group": "name", "department": "title"}
_LINKS: Final[tuple[LinkKind, ...]] = ("membership", "grant", "nesting")
Hook = Callable[[str], None]


def _nothing(_call: str) -> None:
    """A hook that does nothing."""


def _nothing_to_refuse(_kind: ObjectKind, _row: Row) -> str:
    return ""


class MemoryApplication:
    """An application in memory; see `reconcile.ports.Platform` for what each method promises."""

    def __init__(
        self,
        settings: desired.Platform | None = None,
        progress: Progress = no_progress,
        *,
        abilities: Abilities | None = None,
        before: Hook = _nothing,
        after: Hook = _nothing,
        refuse: Callable[[ObjectKind, Row], str] = _nothing_to_refuse,
    ) -> None:
        """Takes what it is able to do, and what happens before and after each call."""
        del settings, progress
        self.abilities = abilities or Abilities(
            any_role=True, nested_groups=True, links_per_call=10
        )
        self.before = before
        self.after = after
        self.refuse = refuse
        """Why an object with these fields is refused; "" if it is not."""
        self.calls: list[str] = []
        """Every call that was made, in words."""
        self._rows: dict[str, dict[ObjectKind, dict[str, Row]]] = {}
        self._links: dict[str, dict[LinkKind, set[Pair]]] = {}
        self._roles: dict[str, set[str]] = {}
        self._numbers = itertools.count(1)
        self._one_by_one = threading.Lock()

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """It has no settings."""
        if settings.url is not None:
            yield ("url",), "a platform in memory has none"

    def read(self, workspace: str) -> Contents:
        """Everything of a workspace."""
        self.before("read")
        with self._one_by_one:
            rows = {
                kind: {own: _copy(row) for own, row in self._of(workspace, kind).items()}
                for kind in _NAMES
            }
            links = {kind: set(self._between(workspace, kind)) for kind in _LINKS}
            return Contents(rows, links, set(self._roles.get(workspace, ())))

    def _of(self, workspace: str, kind: ObjectKind) -> dict[str, Row]:
        return self._rows.setdefault(workspace, {}).setdefault(kind, {})

    def _between(self, workspace: str, kind: LinkKind) -> set[Pair]:
        return self._links.setdefault(workspace, {}).setdefault(kind, set())

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes an object, and returns its id."""
        what = f"create {kind} {fields[_NAMES[kind]]}"
        self.before(what)
        with self._one_by_one:
            self._refuse(workspace, kind, "", fields)
            made = f"{kind[0]}-{next(self._numbers)}"
            self._of(workspace, kind)[made] = _merged({}, fields)
            self.calls.append(what)
        self.after(what)
        return made

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets fields of an object."""
        what = f"update {kind} {object_id} {' '.join(sorted(fields))}"
        self.before(what)
        with self._one_by_one:
            rows = self._of(workspace, kind)
            if object_id not in rows:
                raise Rejected(f"there is no {kind} {object_id}")
            new = _merged(rows[object_id], fields)
            self._refuse(workspace, kind, object_id, new)
            rows[object_id] = new
            self.calls.append(what)
        self.after(what)

    def _refuse(self, workspace: str, kind: ObjectKind, own: str, fields: Row) -> None:
        if why := self.refuse(kind, fields):
            raise Rejected(why)
        name = _NAMES[kind]
        for other, row in self._of(workspace, kind).items():
            if other != own and _name(kind, row) == _name(kind, fields):
                raise Rejected(f"another {kind} has this {name}")

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object with all that refers to it."""
        what = f"delete {kind} {object_id}"
        self.before(what)
        with self._one_by_one:
            self._refuse_not_empty(workspace, object_id)
            self._of(workspace, kind).pop(object_id, None)
            for link in _LINKS:
                pairs = self._between(workspace, link)
                pairs -= {pair for pair in pairs if object_id in pair}
            for user in self._of(workspace, "user").values():
                _forget(user, object_id)
            self.calls.append(what)
        self.after(what)

    def _refuse_not_empty(self, workspace: str, object_id: str) -> None:
        """Raises Rejected for a department with others below it."""
        parents = {row.get("parent") for row in self._of(workspace, "department").values()}
        if object_id in parents:
            raise Rejected("it still has departments below it")

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Makes links: all of them or none."""
        what = f"link {kind} {' '.join('/'.join(pair) for pair in pairs)}"
        self.before(what)
        with self._one_by_one:
            for member, holder in pairs:
                self._refuse_unknown(workspace, "group" if kind == "nesting" else "user", member)
                if kind != "grant":
                    self._refuse_unknown(workspace, "group", holder)
            self._between(workspace, kind).update(pairs)
            if kind == "grant":
                self._roles.setdefault(workspace, set()).update(role for _, role in pairs)
            self.calls.append(what)
        self.after(what)

    def _refuse_unknown(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        if object_id not in self._of(workspace, kind):
            raise Rejected(f"there is no {kind} {object_id}")

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes links."""
        what = f"unlink {kind} {' '.join('/'.join(pair) for pair in pairs)}"
        self.before(what)
        with self._one_by_one:
            self._between(workspace, kind).difference_update(pairs)
            self.calls.append(what)
        self.after(what)

    def check(self) -> Iterable[Check]:
        """It can always be reached."""
        yield Check("platform", True, "in memory")

    def close(self) -> None:
        """There is nothing to let go of."""


def _name(kind: ObjectKind, row: Row) -> tuple[str, ...]:
    """What no two objects of a kind may share; departments have a name where they are."""
    if kind == "department":
        return row["title"], row.get("parent") or ""
    return (fold_name(row[_NAMES[kind]]),)


def _forget(user: Row, object_id: str) -> None:
    """Empties what refers to an object that is no more."""
    for field in ("manager", "department"):
        if user.get(field) == object_id:
            user[field] = ""


def _copy(row: Row) -> Row:
    """A row that the caller may change."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in row.items()}


def _merged(row: Row, fields: Row) -> Row:
    """The fields with those set; in `attributes`, None removes one."""
    merged: Row = {**row, **fields}
    if "attributes" in merged:
        attributes: dict[str, Any] = {**row.get("attributes", {})}
        attributes.update(fields.get("attributes") or {})
        merged["attributes"] = {
            name: value for name, value in attributes.items() if value is not None
        }
    return merged
