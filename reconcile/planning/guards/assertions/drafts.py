"""Objects of a state while changes are applied to them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name


class Draft:
    """A user, group or department."""

    __slots__ = ("above", "ended", "fields", "manager", "path_above")

    def __init__(self, fields: dict[str, Any]) -> None:
        """`fields` are texts, and the attributes of a user."""
        self.fields = fields
        self.above: Draft | None = None
        """The department of a user, or the one above a department, until a change names another."""
        self.path_above: str | None = None
        """The path that a change names instead, in the wanted state; "" for none."""
        self.manager: Draft | str | None = None
        self.ended = False

    def department(self) -> str:
        """The path of the department of a user, or above a department; "" for none."""
        titles: list[str] = []
        at: Draft = self
        walked: set[int] = set()
        while id(at) not in walked:
            walked.add(id(at))  # a circle made by hand must not hang us
            if at.path_above is not None:
                titles += reversed(department_path.titles(at.path_above))
                break
            if at.above is None or at.above.ended:
                break
            at = at.above
            titles.append(at.fields["title"])
        return department_path.path(reversed(titles))

    def path(self) -> str:
        """The path of a department."""
        above = self.department()
        title = department_path.path([self.fields["title"]])
        return f"{above}/{title}" if above else title


Links: TypeAlias = dict[tuple[Draft, Draft], str]
"""Member and group, or inner and outer group → who made the link."""


class Index:
    """The objects of a kind, by their names before the changes and after them."""

    def __init__(self, drafts: Iterable[Draft], name: Callable[[Draft], str]) -> None:
        """`name` is what an object is known by."""
        self._drafts = list(drafts)
        self._name = name
        self._before = {fold_name(name(draft)): draft for draft in self._drafts}
        self._after = self._before

    def __iter__(self) -> Iterator[Draft]:
        """The objects that exist."""
        return (draft for draft in self._drafts if not draft.ended)

    def add(self, draft: Draft) -> Draft:
        """Takes a new object."""
        self._drafts.append(draft)
        return draft

    @property
    def last(self) -> Draft:
        """The object that was taken last."""
        return self._drafts[-1]

    def rename(self) -> None:
        """Knows the objects by their new names from here on, too."""
        self._after = {fold_name(self._name(draft)): draft for draft in self}

    def before(self, name: str) -> Draft | None:
        """The object that had this name before the changes."""
        return self._before.get(fold_name(name))

    def after(self, name: str) -> Draft | None:
        """The object that has this name after the changes."""
        return self._after.get(fold_name(name))
