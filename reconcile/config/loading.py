"""From paths to the desired state: files are read, merged, rendered, checked and built."""

import difflib
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from reconcile import files
from reconcile.config.effective.effective import Effective
from reconcile.config.places import Places
from reconcile.config.schema import schema
from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import mapping
from reconcile.config.schema.wording import Schema, suggestion
from reconcile.config.secrets.redaction import Secrecy
from reconcile.config.sections import checks, presets
from reconcile.config.sections.build import Builder, check_adapter
from reconcile.config.templates import config_templates
from reconcile.config.variables import PREFIX, of_environment, origin
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
    rb"^(?:\xef\xbb\xbf)?[ \t{,]*[\"']?(?:overlay|version|platform|sources|vars|preset|roles|"
    rb"role_mappings|groups|departments|links|lifecycle|safety|schedule|assertions|notify|"
    rb"quiet_runs)"
    rb"[\"']?[ \t]*:",
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
    variables: Mapping[str, Any] = {},
    contents: Mapping[Path, bytes] = {},
    sources: Mapping[str, Callable[[desired.Source], Iterable[Fault]]],
    platforms: Mapping[str, Callable[[desired.Platform], Iterable[Fault]]],
) -> Loaded:
    """Reads desired-state files; a folder stands for its *.yml and *.yaml in name order.

    `variables` are added to the files' `vars` and override them; so do variables of `environ` that
    begin with RECONCILE_VAR_, for names that the files declare. `contents` is used instead of what
    is on disk, for files that are checked before they are written. `sources` and `platforms` map
    the adapter types to their checks; only those in use are called. Secrets are fetched from
    `environ`, files and commands when they are revealed, not here. Raises ConfigError with every
    problem of every file.
    """
    problems: list[Problem] = []
    read, complete = _documents(paths, contents, problems)
    merged = Merged(read, problems)
    findings = Findings(merged, problems)
    known, origins = _variables(merged, variables, environ, findings)
    applied = presets.apply(_rendered(merged, known, findings))
    data = applied.data
    available = {"sources": frozenset(sources), "platform": frozenset(platforms)}
    _check_schema(data, findings, complete=complete)
    checks.check(data, available, findings, complete=complete)
    presets.check(applied, findings)
    secrecy = Secrecy(data, known, frozenset(origins), merged, environ)
    secrecy.check(findings)
    builder = Builder(
        data, known, secrecy.secret, lambda path: merged.document(path).folder, findings
    )
    platform, sources_by_position, rules = builder.platform(), builder.sources(), builder.rules()
    for index, source in sources_by_position.items():
        problems += check_adapter(source.type, source, sources, ("sources", index), findings)
    if platform is not None:
        problems += check_adapter(platform.type, platform, platforms, ("platform",), findings)
    if problems or platform is None:
        raise ConfigError(dict.fromkeys(problems))
    state = builder.state(platform, sources_by_position.values(), rules)
    effective = Effective(applied, state, secrecy, merged, origins)
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
    named, again = _once(chain.from_iterable(_files(path, problems) for path in paths))
    attempts = [_document(file, contents, problems) for file in named]
    read = list(filter(None, attempts))
    if not read:
        raise ConfigError(problems or [Problem("", 0, 0, "", "no desired-state file is given")])
    complete = len(read) == len(named) and all(problem.line for problem in problems)
    for file, first in again:
        message = f"is already read as {first}: name it once"
        problems.append(Problem(str(file), 0, 0, "", message))
    return read, complete


def _check_schema(data: Mapping[str, Any], findings: Findings, *, complete: bool) -> None:
    """Adds what the schema refuses. A missing key may be in a file that could not be read."""
    for fault in schema.faults(data):
        if not fault.missing:
            findings.add(fault.path, fault.message, key=fault.at_key)
        elif fault.path or complete:
            findings.missing(fault.path, fault.missing)


def _files(path: Path, problems: list[Problem]) -> Iterable[Path]:
    """The file itself, or those of a folder."""
    try:
        if not path.is_dir():
            return [path]
        inside = sorted(filter(_is_desired_state, path.iterdir()))
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error))
        return []
    if not inside:
        message = "the folder has no *.yml or *.yaml: name a file, or another folder"
        problems.append(Problem(str(path), 0, 0, "", message))
    return inside


def _is_desired_state(file: Path) -> bool:
    """Whether a file of a folder is read; hidden ones are not."""
    is_yaml = file.suffix in (".yml", ".yaml")
    return is_yaml and not file.name.startswith(".") and not file.is_dir()


def _once(files: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """The files, and those that are one of them by another path, each with the first."""
    first: dict[Path, Path] = {}
    named = [(file, first.setdefault(file.absolute(), file)) for file in files]
    return list(first.values()), [(file, known) for file, known in named if known is not file]


def _document(
    path: Path, contents: Mapping[Path, bytes], problems: list[Problem]
) -> documents.Document | None:
    """The document in a file; None where it cannot be read, or is no desired state at all."""
    if path in contents:
        exposed = path.is_file() and _exposed(path.stat().st_mode)
        return documents.read(path, contents[path], exposed=exposed, problems=problems)
    try:
        content, mode = files.read(path, documents.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error))
        return None
    of_file: list[Problem] = []
    document = documents.read(path, content, exposed=_exposed(mode), problems=of_file)
    # A file that is no desired state is never quoted: it may be a key, or hold passwords.
    foreign = Problem(str(path), 0, 0, "", _NO_DESIRED_STATE)
    if document is not None and _is_foreign(document):
        problems.append(foreign)
        return None
    if document is None and not _NAMED.search(content):
        # The last problem ended the reading.
        last = of_file[-1]
        of_file = [foreign if _may_quote(last) else last]
    problems += of_file
    return document


def _may_quote(problem: Problem) -> bool:
    """Whether a message of the parser may hold text of the file: only those about anchors do."""
    return not problem.message.isascii() or not {"&", "*"}.isdisjoint(problem.message)


def _is_foreign(document: documents.Document) -> bool:
    """Whether a file has keys, and none that desired state has."""
    top, keys = document.root.value, schema.schema()["properties"]
    if not isinstance(top, dict) or not top:
        return False
    has_known_key = not keys.keys().isdisjoint(top)
    return not has_known_key and not any(suggestion(name, keys) for name in list(top)[:_LOOKED_AT])


def _exposed(mode: int) -> bool:
    """Whether everyone on the machine may read a file with this mode."""
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)


def _unreadable(path: Path, error: OSError | ValueError) -> Problem:
    """Why a file or folder cannot be read."""
    match error:
        case FileNotFoundError():
            text = f"no such file{_near(path) or ': `reconcile init` writes a starter file'}"
        case PermissionError():
            text = "no permission to read it: run as a user who may, or change its mode"
        case OSError():
            text = f"cannot be read: {error.strerror}"
        case _:
            text = "cannot be read: this is not a file name"
    return Problem(str(path), 0, 0, "", text)


def _near(path: Path) -> str:
    """The desired-state file of the same folder that may have been meant."""
    try:
        known = {file.stem: file.name for file in path.parent.iterdir() if _is_desired_state(file)}
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(path.stem, known, 1, 0.7)
    return f"; did you mean {known[close[0]]}?" if close else ""


def _variables(
    merged: Merged, given: Mapping[str, Any], environ: Mapping[str, str], findings: Findings
) -> tuple[dict[str, Any], dict[str, str]]:
    """The variables, each rendered with those before it, and the origins of those from outside.

    `given` ones override those of the environment, and these the files.
    """
    declared = mapping(merged.data, "vars")
    _check_use(given, list(declared), merged, findings)
    environment = of_environment(declared, environ)
    known: dict[str, Any] = {**environment, **given}
    origins = {name: f"{PREFIX}{name}" for name in environment}
    origins |= {name: origin(given, name) for name in given}
    for name, value in known.items():
        if isinstance(value, str) and not _is_encodable(value):
            findings.add(("vars", name), f"the value given for `{name}` is not UTF-8 text")
            known[name] = ""
    for name, value in declared.items():
        if name not in known:
            known[name] = _render(value, ("vars", name), known, findings)
    return known, origins


def _is_encodable(text: str) -> bool:
    """Whether a text of the command line has no bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_use(
    given: Mapping[str, Any], declared: list[str], merged: Merged, findings: Findings
) -> None:
    """Adds variables from outside that no file declares and no template reads."""
    texts = _templates(merged.data)
    for name in given.keys() - set(declared):
        if not any(re.search(rf"\b{name}\b", text) for text in texts):
            near, sets = suggestion(name, declared), origin(given, name)
            message = f"{sets} sets it, but neither `vars` nor a template uses it{near}"
            findings.add(("vars", name), message)


def _templates(data: Mapping[str, Any]) -> list[str]:
    """Every text of the document that may be a template."""
    templates: list[str] = []

    def visit(_path: Where, text: str, _at: Schema) -> None:
        """Keeps a text with a brace, and replaces nothing."""
        if "{" in text:
            templates.append(text)

    schema.map_text(data, visit)
    return templates


def _rendered(merged: Merged, known: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The document with every template over the configuration replaced by what it gives."""
    keys = schema.schema()["properties"]
    data = dict(merged.data)
    # The variables are rendered already. An unknown key is reported as such, and not rendered.
    for key in data.keys() & keys.keys() - {"vars"}:
        data[key] = _render(data[key], (key,), known, findings)
    declared = data.pop("vars", None)
    if isinstance(declared, dict):
        data["vars"] = {name: known[name] for name in declared}
    elif "vars" in merged.data:
        data["vars"] = declared
    return data


def _render(value: object, path: Where, known: Mapping[str, Any], findings: Findings) -> Any:
    """A value with its templates over the configuration replaced by what they give."""

    def visit(where: Where, text: str, at: Schema) -> object:
        """What a template gives; the text itself where that is rendered later, or refused."""
        if at.get("x-secret") or at.get("x-template"):
            return text
        try:
            return config_templates.evaluate(text, known)
        except config_templates.Refused as error:
            findings.add(where, str(error))
            return text

    at = schema.step(schema.schema(), path[0])
    return schema.map_text(value, visit, path, {} if path[0] == "vars" else at)
