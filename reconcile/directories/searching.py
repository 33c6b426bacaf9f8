"""What is asked of a directory, of whichever kind, and what it gives back."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

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
    """How long the server may take; 0 is as long as it likes."""
    elsewhere: Callable[[str], bool] = nowhere
    """Whether the URL of a reference leads to something that is no part of what is searched, and so may be left out."""

    def __str__(self) -> str:
        return f"the search (base {self.base or 'the root'}, scope {self.scope}, filter {self.filter})"


class RawEntry(NamedTuple):
    """An entry as it came: lower-case attribute names with their options, values undecoded."""

    dn: str
    attributes: dict[str, list[bytes]]


class Searcher(Protocol):
    """Answers searches: completely, or by raising SourceUnreadable."""

    @property
    def place(self) -> str:
        """What is searched, for messages: a server's URL, or the names of files."""
        ...

    def search(self, search: Search) -> Iterator[Sequence[RawEntry]]:
        """The entries found, page by page, in the directory's order. A base that is not there is NoSuchObject."""
        ...
