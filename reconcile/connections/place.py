"""Where an import writes: a new source at the end of a file, or an existing one in its place.

The files are changed as text in memory and loaded as if they were written. Only a result that is
sound, and has the settings of the connection, is returned.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path as File
from typing import Any, Final, NamedTuple

from reconcile.config.loading import Loaded
from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path, written
from reconcile.connections import cautions, yaml_edit, yaml_text
from reconcile.connections.describe import (
    Settings,
    at,
    described,
    leaves,
    present,
    same,
    without_defaults,
)
from reconcile.connections.files import Connection
from reconcile.connections.wishes import line, wishes
from reconcile.errors import ConfigError, Problem, ReconcileError
from reconcile.files import read
from reconcile.model import desired
from reconcile.model.text.folding import fold_name

Check = Callable[[Sequence[File], Mapping[File, bytes]], Loaded]
"""Loads desired-state files, some with other contents than on disk. Raises ConfigError."""

_ALONE: Final = b"version: 1\nplatform: {type: sql, url: 'sqlite:///:memory:'}\n"
"""A substitute for the rest of the desired state if there is none."""


class Files(NamedTuple):
    """The existing desired state: its paths as given, and its content; () for none."""

    paths: tuple[File, ...]
    loaded: Loaded | None
    check: Check


class Found(NamedTuple):
    """Where a source is in the files."""

    source: desired.Source
    file: File
    position: int
    """Among the sources of its file."""
    content: bytes


class Placed(NamedTuple):
    """A file as it will be."""

    file: File
    before: bytes | None
    """What it holds now; None where the file does not exist."""
    content: bytes
    excerpt: str
    """The source alone, as a list of one."""
    changed: tuple[str, ...]
    """What changes in an existing source: one line for each key. Never a secret."""
    warnings: tuple[str, ...]


def find(name: str, loaded: Loaded | None) -> Found | None:
    """The source with a name, ignoring case; None if there is none."""
    if loaded is None:
        return None
    wanted = fold_name(name)
    sources = iter(loaded.desired.sources)
    for file in map(File, loaded.files):
        content = _bytes(file)
        # The sources of all files are those of the desired state, in the same order.
        for position, source in enumerate(islice(sources, _sources(content))):
            if fold_name(source.name) == wanted:
                return Found(source, file, position, content)
    return None


def add(connection: Connection, name: str, file: File, files: Files) -> Placed:
    """A new source in a file that may exist. Raises ConfigError, ReconcileError."""
    before = _bytes(file) if file.exists() else None
    settings = connection.settings | {"name": name}
    dropped = cautions.unknown_roles(settings, name, files.loaded)
    content, item, source = _added(connection, without_defaults(settings), file, before, files)
    if _different(source, settings):  # a preset has defaults of its own
        content, item, source = _added(connection, present(settings), file, before, files)
    _check(source, settings, file)
    warnings = cautions.all_of(connection, settings, source, files.loaded)
    if "dn" in item["bind"]:
        warnings.append(cautions.password_wanted(name))
    shown = yaml_text.block({"sources": [item]})
    return Placed(file, before, content, shown, (), (*connection.warnings, *dropped, *warnings))


def _added(
    connection: Connection, settings: Settings, file: File, before: bytes | None, files: Files
) -> tuple[bytes, Settings, desired.Source]:
    """The new content of the file, the source as written in it, and as loaded from it."""
    item: Settings = yaml_text.literal(settings, ())
    if "dn" in item.get("bind", {}):
        item["bind"]["password"] = cautions.password_template(settings["name"])
    # A new file holds nothing but the source; an existing one gets it at the end of its list.
    if before is None:
        content = yaml_text.block({"sources": [item]}).encode()
    else:
        content = _tried(partial(yaml_edit.appended, before, item), file, item)
    made = _loaded(connection, file, _sources(content) - 1, content, files)
    return content, item, _named(settings["name"], made)


def update(connection: Connection, found: Found, files: Files) -> Placed:
    """The settings of an existing source; keys that the connection does not have stay.

    Raises ConfigError, ReconcileError.
    """
    name, file = found.source.name, found.file
    settings = connection.settings | {"name": name}
    dropped = cautions.unknown_roles(settings, name, files.loaded)
    current = described(found.source)
    wished = dict(wishes(current, {**settings, "name": current["name"]}))
    changes = _changes(wished, found)
    shown = {written(path[2:]): value for path, value in changes.items()}
    content = _tried(partial(yaml_edit.edited, found.content, changes), file, shown)
    source = _named(name, _loaded(connection, file, found.position, content, files))
    _check(source, settings, file)
    warnings = (
        *connection.warnings,
        *dropped,
        *_about_password(wished, found.source),
        *cautions.all_of(connection, settings, source, files.loaded),
    )
    excerpt = _indented(yaml_edit.excerpt(content, ("sources", found.position)))
    changed = tuple(line(path, at(current, path), value) for path, value in wished.items())
    return Placed(file, found.content, content, f"sources:\n  - {excerpt}\n", changed, warnings)


def _changes(wished: Mapping[Path, Any], found: Found) -> dict[Path, Any]:
    """What to change at which paths of the file."""
    here = ("sources", found.position)
    changes: dict[Path, Any] = {}
    for path, value in wished.items():
        changes[*here, *path] = _literal(value, path)
    # A bind that is replaced as a whole loses its password, which the connection does not hold.
    bind = changes.get((*here, "bind"))
    if isinstance(bind, dict) and "dn" in bind:
        password = cautions.password_template(found.source.name)
        changes[*here, "bind"] = bind | {"password": password}
    # A source over LDIF files becomes one with servers.
    if found.source.files:
        changes[*here, "files"] = yaml_edit.ABSENT
    return changes


def _about_password(wished: Mapping[Path, Any], source: desired.Source) -> list[str]:
    """What to do about the password of an existing source."""
    if "dn" in (wished.get(("bind",)) or {}):
        return [cautions.password_wanted(source.name)]
    if source.bind.password is not None and ("servers",) in wished:
        return [cautions.KEPT]
    return []


def _literal(value: Any, path: Path) -> Any:
    """What to write for a value at a path of a source."""
    return value if value is yaml_edit.ABSENT else yaml_text.literal(value, path)


def _named(name: str, loaded: Loaded) -> desired.Source:
    """The source of a name, which exists."""
    return next(source for source in loaded.desired.sources if source.name == name)


def _loaded(connection: Connection, file: File, index: int, content: bytes, files: Files) -> Loaded:
    """The desired state as it would be with another content of a file.

    Raises ConfigError. Problems within the source are placed in the connection file.
    """
    paths, contents = files.paths, {file: content}
    known = files.loaded.files if files.loaded is not None else ()
    if files.loaded is None:
        alone = File("desired state")
        paths, contents = (alone,), {alone: _ALONE, **contents}
    if str(file) not in known:
        paths = (*paths, file)
    try:
        return files.check(paths, contents)
    except ConfigError as error:
        own = f"sources[{index}]"
        problems = [_placed(problem, connection, file, own) for problem in error.problems]
        raise ConfigError(problems) from None


def _placed(problem: Problem, connection: Connection, file: File, own: str) -> Problem:
    """A problem of the source as one of the connection file; any other as it is."""
    if problem.file != str(file) or not problem.path.startswith(own):
        return problem
    path = f"source{problem.path.removeprefix(own)}"
    return Problem(connection.file, 0, 0, path, problem.message)


def _check(source: desired.Source, settings: Settings, file: File) -> None:
    """Raises ReconcileError if the source is not what the connection says."""
    if different := _different(source, settings):
        raise ReconcileError(f"{file}: {different} would not become what the connection says")


def _different(source: desired.Source, settings: Settings) -> str:
    """The first setting that differs from the connection; "" if there is none."""
    made = described(source)
    for path, value in leaves(settings):
        if value is not None and not same(at(made, path), value):
            return written(path)
    return ""


def _tried(change: Callable[[], bytes], file: File, item: Mapping[str, Any]) -> bytes:
    """The changed content. Raises ReconcileError with what to write by hand."""
    try:
        return change()
    except yaml_edit.Uneditable as error:
        shown = {key: None if value is yaml_edit.ABSENT else value for key, value in item.items()}
        raise ReconcileError(
            f"{file} cannot be changed without touching more than this source: {error}. "
            f"Do it by hand:\n{yaml_text.block(shown)}"
        ) from None


def _sources(content: bytes) -> int:
    """How many sources a file declares."""
    document = documents.read(File(), content, exposed=False, problems=[])
    data: Any = document.root.data() if document else {}
    return len(data.get("sources") or ())


def _bytes(file: File) -> bytes:
    """The content of a file. Raises ReconcileError."""
    try:
        return read(file, documents.MAX_BYTES + 1).data
    except OSError as error:
        raise ReconcileError(f"{file} cannot be read: {error.strerror}") from error


def _indented(text: str) -> str:
    """The text as the item of a list; empty lines stay empty."""
    return "\n    ".join(text.split("\n")).replace("\n    \n", "\n\n")
