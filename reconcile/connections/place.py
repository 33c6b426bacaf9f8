"""Where an import writes: a new source at the end of a file, or an existing one in its place.

The files are changed as text in memory and loaded as if they were written. Only a result that is
sound, and has the settings of the connection, is returned.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
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
    same,
    without_defaults,
)
from reconcile.connections.files import Connection
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
    """Its current content; None if it does not exist."""
    content: bytes
    excerpt: str
    """The source alone, as a list of one."""
    changed: tuple[str, ...]
    """What changes in an existing source: one line for each key. Never a secret."""
    warnings: tuple[str, ...]


def find(name: str, loaded: Loaded | None) -> Found | None:
    """The source with a name, ignoring case; None if there is none."""
    position = 0
    for file in map(File, loaded.files if loaded else ()):
        content = _bytes(file)
        for index in range(_sources(content)):
            assert loaded is not None  # noqa: S101 - it has files
            source = loaded.desired.sources[position]
            if fold_name(source.name) == fold_name(name):
                return Found(source, file, index, content)
            position += 1
    return None


def add(connection: Connection, name: str, file: File, files: Files) -> Placed:
    """A new source in a file that may exist. Raises ConfigError, ReconcileError."""
    before = _bytes(file) if file.exists() else None
    settings = connection.settings | {"name": name}
    dropped = cautions.unknown_roles(settings, name, files.loaded)
    content, item, source = _added(connection, without_defaults(settings), file, before, files)
    if _different(source, settings):  # a preset has defaults of its own
        content, item, source = _added(connection, _given(settings), file, before, files)
    if wrong := _different(source, settings):
        raise ReconcileError(f"{file}: {wrong} would not become what the connection says")
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
    wishes = dict(_wishes(current, {**settings, "name": current["name"]}))
    warnings: list[str] = []
    if "dn" in (wishes.get(("bind",)) or {}):
        warnings.append(cautions.password_wanted(name))
    elif found.source.bind.password is not None and ("servers",) in wishes:
        warnings.append(cautions.KEPT)
    changes = {
        (*("sources", found.position), *path): _literal(value, path)
        for path, value in wishes.items()
    }
    for path, value in changes.items():
        if path[2:] == ("bind",) and "dn" in value:
            changes[path] = value | {"password": cautions.password_template(name)}
    if found.source.files:
        changes["sources", found.position, "files"] = yaml_edit.ABSENT
    shown = {written(path[2:]): value for path, value in changes.items()}
    content = _tried(partial(yaml_edit.edited, found.content, changes), file, shown)
    made = _loaded(connection, file, found.position, content, files)
    source = _named(name, made)
    if wrong := _different(source, settings):
        raise ReconcileError(f"{file}: {wrong} would not become what the connection says")
    further = cautions.all_of(connection, settings, source, files.loaded)
    return Placed(
        file,
        found.content,
        content,
        f"sources:\n  - {_indented(yaml_edit.excerpt(content, ('sources', found.position)))}\n",
        tuple(_line(path, at(current, path), value) for path, value in wishes.items()),
        (*connection.warnings, *dropped, *warnings, *further),
    )


def _named(name: str, loaded: Loaded) -> desired.Source:
    return next(source for source in loaded.desired.sources if source.name == name)


def _wishes(
    current: Mapping[str, Any], wanted: Mapping[str, Any], above: Path = ()
) -> Iterable[tuple[Path, Any]]:
    """What to set or remove, without values that are already right."""
    for key, value in wanted.items():
        path = (*above, key)
        now = current.get(key)
        whole = path == ("bind",) and isinstance(now, dict) and now.keys() != value.keys()
        if isinstance(value, dict) and isinstance(now, dict) and not whole:
            yield from _wishes(now, value, path)
        elif value is None:
            if now is not None:
                yield path, yaml_edit.ABSENT
        elif value != now and not (now is None and value == []):
            yield path, value


def _literal(value: Any, path: Path) -> Any:
    return value if value is yaml_edit.ABSENT else yaml_text.literal(value, path)


def _given(settings: Settings) -> Settings:
    return {
        key: _given(value) if isinstance(value, dict) else value
        for key, value in settings.items()
        if value is not None
    }


def _loaded(connection: Connection, file: File, index: int, content: bytes, files: Files) -> Loaded:
    paths, contents = files.paths, {file: content}
    if files.loaded is None:
        alone = File("desired state")
        paths, contents = (alone,), {alone: _ALONE, **contents}
    if files.loaded is None or str(file) not in files.loaded.files:
        paths = (*paths, file)
    try:
        return files.check(paths, contents)
    except ConfigError as error:
        own = f"sources[{index}]"
        problems = []
        for problem in error.problems:
            if problem.file == str(file) and problem.path.startswith(own):
                place = f"source{problem.path.removeprefix(own)}"
                problem = Problem(connection.file, 0, 0, place, problem.message)  # noqa: PLW2901
            problems.append(problem)
        raise ConfigError(problems) from None


def _different(source: desired.Source, settings: Settings) -> str:
    """The first setting that differs from the connection; "" if there is none."""
    made = described(source)
    for path, value in leaves(settings):
        if value is not None and not same(at(made, path), value):
            return written(path)
    return ""


def _tried(change: Callable[[], bytes], file: File, item: Mapping[str, Any]) -> bytes:
    try:
        return change()
    except yaml_edit.Uneditable as error:
        shown = {key: None if value is yaml_edit.ABSENT else value for key, value in item.items()}
        raise ReconcileError(
            f"{file} cannot be changed without touching more than this source: {error}. "
            f"Do it by hand:\n{yaml_text.block(shown)}"
        ) from None


def _sources(content: bytes) -> int:
    document = documents.read(File(), content, exposed=False, problems=[])
    data: Any = document.root.data() if document else {}
    return len(data.get("sources") or ())


def _bytes(file: File) -> bytes:
    try:
        return read(file, documents.MAX_BYTES + 1).data
    except OSError as error:
        raise ReconcileError(f"{file} cannot be read: {error.strerror}") from error


def _line(path: Path, before: Any, after: Any) -> str:
    new = "not set" if after is yaml_edit.ABSENT else yaml_text.inline(after)
    return f"{written(path)}: {'not set' if before is None else yaml_text.inline(before)} → {new}"


def _indented(text: str) -> str:
    return "\n    ".join(text.split("\n")).replace("\n    \n", "\n\n")
