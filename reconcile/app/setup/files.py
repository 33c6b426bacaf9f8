"""What an LDIF file holds, for a first desired-state file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from reconcile.directories.discovery.contents import Contents, contents
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.directories.ldif.tree import Tree
from reconcile.model import desired

_MOST: Final = 20


class Export(NamedTuple):
    """A file that has been read."""

    source: desired.Source
    tree: Tree

    @property
    def contexts(self) -> Sequence[str]:
        """The topmost entries."""
        return self.tree.tops[:_MOST]


def export(file: Path) -> Export:
    """Reads a file. Raises SourceUnreadable."""
    users = desired.Users(fields={})
    source = desired.Source(name="init", type="ldif", base_dn="", users=users, files=(str(file),))
    return Export(source, LdifDirectory(source).whole())


def counted(read: Export, base_dn: str) -> Contents:
    """What is below a base. Raises SourceUnreadable."""
    return contents(msgspec.structs.replace(read.source, base_dn=base_dn), read.tree)
