"""Directories exported to LDIF files: all files of a source together are one directory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reconcile import files
from reconcile.directories.memory import MemoryDirectory
from reconcile.directories.records import Broken, records
from reconcile.directories.searching import RawEntry
from reconcile.directories.tree import Tree
from reconcile.errors import SourceUnreadable
from reconcile.model import desired, dn
from reconcile.ports import Fault

MAX_BYTES: Final = 1024**3
"""Of one file; several are one directory."""


class LdifDirectory(MemoryDirectory):
    """One source in LDIF files, read at the first question and kept until `close`."""

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """DNs, filters, and that there are files to read; they are not opened."""
        if not source.files:
            yield ("files",), "no file is named"
        for at, name in enumerate(source.files):
            if "\0" in name:
                yield ("files", at), "no file can have this name: it holds the character U+0000"
        yield from MemoryDirectory.problems(source)

    def _load(self) -> Tree:
        named = ", ".join(self._source.files)
        tree = Tree(named, self._entries())
        if dn.normalize(self._source.base_dn) not in tree:
            raise SourceUnreadable(
                f"{named}: there is no entry of the base DN {self._source.base_dn}.\n"
                "Export it too, or set base_dn to an entry of the file."
            )
        return tree

    def _entries(self) -> Iterator[tuple[str, RawEntry]]:
        done = 0
        for name in self._source.files:
            try:
                data = files.read(Path(name), MAX_BYTES + 1).data
            except OSError as error:
                raise SourceUnreadable(f"the LDIF file {name} cannot be read: {error.strerror or error}") from error
            if len(data) > MAX_BYTES:
                raise SourceUnreadable(f"the LDIF file {name} is larger than {MAX_BYTES // 1024**2} MiB: split it")
            try:
                for line, entry in records(data, name):
                    yield f"{name}:{line}", entry
                    done += 1
            except Broken as error:
                raise SourceUnreadable(f"{name}:{error.line}: {error}") from error
            self._progress(f"{self._source.name}: entries", done)
