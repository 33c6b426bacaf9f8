"""Directories exported to LDIF files: all files of a source together are one directory."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from reconcile import files
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.directories.ldif.records import Broken, records
from reconcile.directories.ldif.tree import Tree
from reconcile.directories.search.search import RawEntry
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import Query
from reconcile.model.quiet.trace import Question, Trace
from reconcile.model.text import dn, slips
from reconcile.model.text.printing import quoted
from reconcile.ports import Fault


def _near(name: str) -> str:
    """A file of the same folder that may have been meant."""
    try:
        known = [file.name for file in Path(name).parent.iterdir()]
    except (OSError, ValueError):
        return ""
    near = "" if Path(name).name in known else slips.meant(Path(name).name, known)
    return f"; did you mean {quoted(near)}?" if near else ""


class LdifDirectory(MemoryDirectory):
    """One source in LDIF files, read when first needed and kept until `close`."""

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """DNs, filters, and that there are files to read; they are not opened."""
        if not source.files:
            yield ("files",), "no file is named"
        for at, name in enumerate(source.files):
            if "\0" in name:
                yield ("files", at), "a file name cannot contain the character U+0000"
        yield from MemoryDirectory.problems(source)

    def whole(self) -> Tree:
        """All entries of the files, whatever the base DN is. Raises SourceUnreadable."""
        return Tree(", ".join(self._source.files), self._entries())

    def _load(self) -> Tree:
        named = ", ".join(self._source.files)
        tree = self.whole()
        if dn.normalize(self._source.base_dn) not in tree:
            tops = "; ".join(map(quoted, tree.tops[:5]))
            near = slips.meant(self._source.base_dn, tree.tops)
            nearest = f" Did you mean {quoted(near)}?" if near else ""
            nearest += f" The topmost: {tops}." if tops else ""
            raise SourceUnreadable(
                f"{named}: there is no entry for the base DN {self._source.base_dn}.\n"
                f"Export it too, or set base_dn to an entry of the file.{nearest}"
            )
        return tree

    def _entries(self) -> Iterator[tuple[str, RawEntry]]:
        done, limits = 0, self._source.limits
        for name, data in self._contents():
            if self.trace is not None:
                self.trace.ask(Question(name)).add((data,))
            try:
                for line, entry in records(data, name, limits.entry_size):
                    yield f"{name}:{line}", entry
                    done += 1
                    if done > limits.entries:
                        raise _too_much(
                            f"{name}:{line}",
                            f"there are more than {limits.entries} entries (limits.entries)",
                        )
            except Broken as error:
                raise SourceUnreadable(f"{name}:{error.line}: {error}") from error
            self._progress(f"{self._source.name}: entries", done)
        if self.trace is not None:
            self.trace.done()

    def _contents(self) -> Iterator[tuple[str, bytes]]:
        """Each file with what is in it. Raises SourceUnreadable."""
        size, most = 0, self._source.limits.total_size
        for name in self._source.files:
            try:
                data = files.read(Path(name), most - size + 1).data
            except OSError as error:
                raise SourceUnreadable(
                    f"the LDIF file {name} cannot be read: {error.strerror or error}{_near(name)}"
                ) from error
            size += len(data)
            if size > most:
                raise _too_much(
                    name, f"there are more than {most} bytes in all (limits.total_size)"
                )
            yield name, data

    def first_questions(self, query: Query) -> tuple[tuple[str, Question], ...]:
        """The files, whatever is asked of them."""
        del query
        return tuple(("file", Question(name)) for name in self._source.files)

    def ask(self, questions: Sequence[Question], trace: Trace) -> None:
        """Reads the files again, and takes them into the trace as they are."""
        trace.begin()
        if questions:
            for name, data in self._contents():
                trace.ask(Question(name)).add((data,))
        trace.done()


def _too_much(place: str, what: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{place}: {what}.\n"
        "Nothing that was read is used. If the directory is supposed to be this large, raise that "
        "limit; otherwise export less of it."
    )
