"""From paths to the desired state: files are read, merged, rendered, checked and built."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from reconcile import files
from reconcile.config.effective.effective import Effective
from reconcile.config.places import Places
from reconcile.config.schema import schema
from reconcile.config.schema.findings import Findings
from reconcile.config.schema.wording import Schema, suggestion
from reconcile.config.secrets.redaction import Secrecy
from reconcile.config.sections import checks, presets
from reconcile.config.sections.build import Builder, check_adapter
from reconcile.config.templates import config_templates
from reconcile.config.yaml import documents
from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path as Where
from reconcile.errors import ConfigError, Problem
from reconcile.model import desired
from reconcile.model.desired import DesiredState
from reconcile.model.text.digest import digest

Fault: TypeAlias = tuple[tuple[str | int, ...], str]
_NO_DESIRED_STATE: Final = (
    "this is not a desired-state file: no line begins with a key such as `version:`. "
    "`reconcile init` writes a starter file"
)
_NAMED: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?[ \t{,]*[\"']?(?:version|platform|sources|vars|preset|roles|role_mappings|"
    rb"groups|departments|links|lifecycle|safety|schedule)[\"']?[ \t]*:",
    re.MULTILINE,
)
"""A line that begins with a key of desired state."""
_LOOKED_AT: Final = 20
"""So many keys may be slips of the keyboard in a file that has no right one."""


class Loaded(NamedTuple):
    """The desired state and its fingerprint; the files in the order of reading, and what they say.

    `places` finds the rules in the files.
    """

    desired: DesiredState
    digest: str
    files: tuple[str, ...]
    effective: Effective
    places: Places


def load(
    paths: Sequence[Path],
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] = {},
    contents: Mapping[Path, bytes] = {},
    sources: Mapping[str, Callable[[desired.Source], Iterable[Fault]]],
    platforms: Mapping[str, Callable[[desired.Platform], Iterable[Fault]]],
) -> Loaded:
    """Reads desired-state files; a folder stands for its *.yml and *.yaml in name order.

    `variables` are added to the files' `vars` and override them. `contents` is used instead of what
    is on disk, for files that are checked before they are written. `sources` and `platforms` map
    the adapter types to their checks; only those in use are called. Secrets are fetched from
    `environ`, files and commands when they are revealed, not here. Raises ConfigError with every
    problem of every file.
    """
    problems: list[Problem] = []
    read, complete = _documents(paths, contents, problems)
    merged = Merged(read, problems)
    findings = Findings(merged, problems)
    known = _variables(merged, variables, findings)
    applied = presets.apply(_rendered(merged, known, findings))
    data = applied.data
    available = {"sources": frozenset(sources), "platform": frozenset(platforms)}
    _check_schema(data, available, findings, complete=complete)
    checks.check(data, available, findings, complete=complete)
    presets.check(applied, findings)
    secrecy = Secrecy(data, known, frozenset(variables), merged, environ)
    secrecy.check(findings)
    builder = Builder(
        data, known, secrecy.secret, lambda path: merged.document(path).folder, findings
    )
    platform, found, rules = builder.platform(), builder.sources(), builder.rules()
    for index, source in found.items():
        problems += check_adapter(source.type, source, sources, ("sources", index), findings)
    if platform is not None:
        problems += check_adapter(platform.type, platform, platforms, ("platform",), findings)
    if problems or platform is None:
        raise ConfigError(dict.fromkeys(problems))
    state = builder.state(platform, found.values(), rules)
    effective = Effective(applied, state, secrecy, merged, frozenset(variables))
    return Loaded(
        state,
        digest(secrecy.fingerprint()),
        tuple(document.file for document in read),
        effective,
        Places(merged, applied),
    )


def _documents(
    paths: Sequence[Path], contents: Mapping[Path, bytes], problems: list[Problem]
) -> tuple[list[documents.Document], bool]:
    """The documents in the files, and whether every file could be read completely.

    Raises ConfigError when there is none.
    """
    named, again = _once(file for path in paths for file in _files(path, problems))
    attempts = [_document(file, contents, problems) for file in named]
    read = [document for document in attempts if document is not None]
    if not read:
        raise ConfigError(problems or [Problem("", 0, 0, "", "no desired-state file is given")])
    complete = len(read) == len(named) and all(problem.line for problem in problems)
    for file, first in again:
        message = f"is already read as {first}: name it once"
        problems.append(Problem(str(file), 0, 0, "", message))
    return read, complete


def _check_schema(
    data: Mapping[str, Any],
    available: Mapping[str, Iterable[str]],
    findings: Findings,
    *,
    complete: bool,
) -> None:
    """Adds what the schema refuses. A missing key may be in a file that could not be read."""
    for fault in schema.faults(data, available):
        if not fault.missing:
            findings.add(fault.path, fault.message, key=fault.at_key)
        elif fault.path or complete:
            findings.missing(fault.path, fault.missing)


def _files(path: Path, problems: list[Problem]) -> Iterator[Path]:
    """The file itself, or those of a folder."""
    try:
        if not path.is_dir():
            yield path
            return
        inside = sorted(
            file
            for file in path.iterdir()
            if file.suffix in {".yml", ".yaml"}
            and not file.name.startswith(".")
            and not file.is_dir()
        )
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error))
        return
    if not inside:
        problems.append(
            Problem(
                str(path),
                0,
                0,
                "",
                "the folder has no *.yml or *.yaml: name a file, or another folder",
            )
        )
    yield from inside


def _once(files: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """The files, and those that are one of them by another path, each with the first."""
    first: dict[Path, Path] = {}
    named = [(file, first.setdefault(file.absolute(), file)) for file in files]
    return list(first.values()), [(file, known) for file, known in named if known is not file]


def _document(
    path: Path, contents: Mapping[Path, bytes], problems: list[Problem]
) -> documents.Document | None:
    if path in contents:
        exposed = path.is_file() and _exposed(path.stat().st_mode)
        return documents.read(path, contents[path], exposed=exposed, problems=problems)
    try:
        content, mode = files.read(path, documents.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error))
        return None
    found: list[Problem] = []
    document = documents.read(path, content, exposed=_exposed(mode), problems=found)
    # A file that is not desired state is never quoted: it may be a key, or contain passwords.
    if document is not None and _is_foreign(document):
        found = [Problem(str(path), 0, 0, "", _NO_DESIRED_STATE)]
        document = None
    elif document is None and not _NAMED.search(content):
        # The last one ended the reading, and quotes no text unless it is about an anchor.
        last = found[-1]
        quotes = not last.message.isascii() or bool({"&", "*"} & set(last.message))
        found = [Problem(str(path), 0, 0, "", _NO_DESIRED_STATE) if quotes else last]
    problems += found
    return document


def _is_foreign(document: documents.Document) -> bool:
    """Whether a file has keys, and none that desired state has."""
    found, keys = document.root.value, schema.schema()["properties"]
    if not isinstance(found, dict) or not found or not keys.keys().isdisjoint(found):
        return False
    return not any(suggestion(name, keys) for name in list(found)[:_LOOKED_AT])


def _exposed(mode: int) -> bool:
    """Whether everyone on the machine may read a file with this mode."""
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)


def _unreadable(path: Path, error: OSError | ValueError) -> Problem:
    match error:
        case FileNotFoundError():
            text = "no such file: `reconcile init` writes a starter file"
        case PermissionError():
            text = "no permission to read it: run as a user who may, or change its mode"
        case OSError():
            text = f"cannot be read: {error.strerror}"
        case _:
            text = "cannot be read: this is not a file name"
    return Problem(str(path), 0, 0, "", text)


def _variables(merged: Merged, given: Mapping[str, str], findings: Findings) -> dict[str, Any]:
    """The variables, each rendered with those before it; `given` ones override the files."""
    known: dict[str, Any] = dict(given)
    for name, text in given.items():
        try:
            text.encode()
        except UnicodeEncodeError:
            findings.add(("vars", name), f"the value given for `{name}` is not UTF-8 text")
            known[name] = ""
    declared = merged.data.get("vars")
    names = list(declared) if isinstance(declared, dict) else []
    texts = _templates(merged.data)
    for name in given.keys() - names:
        if not any(re.search(rf"\b{name}\b", text) for text in texts):
            near = suggestion(name, names)
            message = f"--var sets it, but neither `vars` nor a template uses it{near}"
            findings.add(("vars", name), message)
    for name, value in declared.items() if isinstance(declared, dict) else ():
        if name not in given:
            known[name] = _render(value, ("vars", name), known, findings)
    return known


def _templates(data: Mapping[str, Any]) -> list[str]:
    """Every text of the document that may be a template."""
    found: list[str] = []

    def visit(_path: Where, text: str, _at: Schema) -> None:
        if "{" in text:
            found.append(text)

    schema.map_text(data, visit)
    return found


def _rendered(merged: Merged, known: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The document with every template over the configuration replaced by what it gives."""
    keys = schema.schema()["properties"]
    data = {
        # An unknown key is reported as such; its templates are not rendered.
        key: _render(value, (key,), known, findings) if key in keys else value
        for key, value in merged.data.items()
        if key != "vars"
    }
    if "vars" in merged.data:
        declared = merged.data["vars"]
        data["vars"] = (
            {name: known[name] for name in declared} if isinstance(declared, dict) else declared
        )
    return data


def _render(value: object, path: Where, known: Mapping[str, Any], findings: Findings) -> Any:
    def visit(where: Where, text: str, at: Schema) -> object:
        if at.get("x-secret") or at.get("x-template"):
            return text
        try:
            return config_templates.evaluate(text, known)
        except config_templates.Refused as error:
            findings.add(where, str(error))
            return text

    at = schema.step(schema.schema(), path[0])
    return schema.map_text(value, visit, path, {} if path[0] == "vars" else at)
