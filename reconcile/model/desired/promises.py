"""What `reconcile.config` promises of a template and a secret; the rest is plain data."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class TemplateEntry(Protocol):
    """The part of a directory entry that templates can use."""

    @property
    def dn(self) -> str:
        """The entry's DN as the directory writes it."""
        ...

    @property
    def attributes(self) -> Mapping[str, Sequence[str]]:
        """Lower-case attribute name → values."""
        ...


class Template(Protocol):
    """A compiled template over one directory entry."""

    @property
    def text(self) -> str:
        """As written in the file."""
        ...

    @property
    def attributes(self) -> frozenset[str]:
        """Lower-case names of the attributes it may read, to request from the server."""
        ...

    def render(self, entry: TemplateEntry, identifier: str = "") -> str | None:
        """The text, or None when an attribute it needs is absent ("supplies nothing").

        Raises TemplateFailed when it fails in any other way.
        """
        ...


class Secret(Protocol):
    """A text that is never shown: not in a repr, a log, a plan or an error."""

    def reveal(self) -> str:
        """The text itself. Raises ConfigError with its place if it cannot be read."""
        ...
