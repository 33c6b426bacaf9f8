"""What any directory is asked, and what it returns."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, Self, TypeAlias

import msgspec

from reconcile.model.quiet.trace import Question
from reconcile.model.text.printing import quoted

Scope: TypeAlias = Literal["base", "one", "subtree"]

NO_ATTRIBUTES = ("1.1",)
"""Asks for entries without any attribute (RFC 4511, 4.5.1.8)."""
ANYTHING = "(objectClass=*)"


def nowhere(_url: str) -> bool:
    """No reference may be left out."""
    return False


class Search(NamedTuple):
    """One search; attribute names are lower case."""

    base: str
    scope: Scope
    filter: str
    attributes: tuple[str, ...]
    seconds: int = 0
    """How long the server may take; 0 is without limit."""
    elsewhere: Callable[[str], bool] = nowhere
    """Whether the URL of a reference leads outside of what is searched, so that it may be
    ignored."""

    def __str__(self) -> str:
        base = quoted(self.base) or "the root"
        return f"the search (base {base}, scope {self.scope}, filter {quoted(self.filter)})"


class RawEntry(msgspec.Struct, frozen=True, gc=False):
    """A raw entry: lower-case attribute names with options, and undecoded values, in one order.

    Names are separate from values because most entries have the same ones, and may share them.
    """

    dn: str
    names: tuple[str, ...]
    values: tuple[list[bytes], ...]

    @classmethod
    def of(cls, dn: str, attributes: dict[str, list[bytes]]) -> Self:
        """An entry of attributes by name."""
        return cls(dn, tuple(attributes), tuple(attributes.values()))

    @property
    def attributes(self) -> dict[str, list[bytes]]:
        """The values by name; built at each call."""
        return dict(zip(self.names, self.values, strict=True))


class Searcher(Protocol):
    """Answers searches: completely, or by raising SourceUnreadable."""

    @property
    def place(self) -> str:
        """What is searched, for messages: a server's URL, or the names of files."""
        ...

    def search(self, search: Search) -> Iterator[Sequence[RawEntry]]:
        """The entries found, page by page, in the directory's order.

        Raises NoSuchObject for a missing base.
        """
        ...


def question(search: Search) -> Question:
    """A search as a trace has it."""
    return Question(*search[:5], elsewhere=search.elsewhere is not nowhere)
