"""Captures: what was read of a directory, in a file, and planning from it.

Planning does not know: a capture is one more adapter. A plan that was made from one says so, and
is applied only if the directory is still what was captured.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from reconcile import __version__, files
from reconcile.app import adapters, inputs, plan_files
from reconcile.app.notices import report as report_notices
from reconcile.config import Loaded
from reconcile.directories.capture import file, fit
from reconcile.directories.capture.adapter import CaptureDirectory
from reconcile.directories.capture.file import About, Capture
from reconcile.directories.capture.redact import redacted
from reconcile.errors import CaptureError, NotApproved, ReconcileError, StalePlan, UsageError
from reconcile.model import desired
from reconcile.model.change import Captured, Plan, Scope
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState
from reconcile.model.text.digest import digest as digest_of
from reconcile.model.text.printing import quoted
from reconcile.planning import unmatched_users
from reconcile.planning.selection.query import query
from reconcile.ports import Directory, ManagedPlatform, Progress

MOST_BYTES: Final = 1024**3
"""Packed; a directory of a million people has a tenth of this."""

logger = logging.getLogger(__name__)


class _Read(NamedTuple):
    """A capture from a file."""

    capture: Capture
    name: str
    digest: str


class Captures:
    """The sources that are not read, each with its capture."""

    def __init__(self, read: Mapping[str, _Read]) -> None:
        """`read`: source → its capture."""
        self._read = read

    def directory(self, source: desired.Source, progress: Progress) -> Directory:
        """The adapter of a source: of its capture if there is one."""
        read = self._read.get(source.name)
        if read is None:
            return adapters.directory(source, progress)
        return CaptureDirectory(source, read.capture, read.name)

    def marked(self, plan: Plan) -> Plan:
        """The plan, saying which captures it was made from."""
        captured = tuple(
            Captured(name, read.capture.about.created, read.digest, read.capture.about.redacted)
            for name, read in sorted(self._read.items())
        )
        own = tuple(map(_notice, captured))
        report_notices(own)
        notices = (*own, *plan.notices)
        return msgspec.structs.replace(plan, captures=captured, notices=notices)


def _notice(captured: Captured) -> Notice:
    """What a reader has to know about such a plan."""
    then = "apply reads the directory, and refuses the plan unless it is still the same"
    kind = "capture"
    if captured.redacted:
        kind, then = "redacted capture", "the plan can never be applied"
    text = f"source {captured.source} was planned from a {kind} of {captured.created}: {then}"
    return Notice("captured", text, sources=(captured.source,))


NONE: Final = Captures({})
"""Every source is read."""


def read(paths: Sequence[Path], loaded: Loaded, scope: Scope) -> Captures:
    """The captures of files, one for a source. Raises CaptureError, UsageError."""
    chosen = {
        source.name: source for source in inputs.chosen_sources(loaded.desired, scope.sources)
    }
    captures: dict[str, _Read] = {}
    for path in paths:
        name, data = str(path), _content(path)
        of = file.source_of(data, name)
        source = chosen.get(of)
        if source is None:
            raise CaptureError(
                f"{name}: it is a capture of source {quoted(of)}, and planned are:"
                f" {', '.join(chosen)}"
            )
        if source.name in captures:
            first = captures[source.name].name
            raise UsageError(f"{name} and {first} are captures of one source: give one of them")
        capture = file.loads(data, name, source.limits)
        captures[source.name] = _Read(capture, name, hashlib.sha256(data).hexdigest())
    return Captures(captures)


def _content(path: Path) -> bytes:
    """Raises CaptureError for a file that cannot be read, or is too large."""
    try:
        data = files.read(path, MOST_BYTES + 1).data
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not a file name"
        raise CaptureError(f"{path}: the capture cannot be read: {why}") from error
    if len(data) > MOST_BYTES:
        raise CaptureError(f"{path}: larger than {MOST_BYTES // 1024**2} MiB, too large")
    return data


def take(
    loaded: Loaded,
    source_name: str,
    progress: Progress,
    *,
    redact: bool = False,
    keep: Iterable[str] = (),
) -> Capture:
    """Reads a source as planning would, and the users of the platform that it does not find.

    A redacted capture needs no platform. Raises UsageError, SourceUnreadable, PlatformUnreadable.
    """
    (source,) = inputs.chosen_sources(loaded.desired, [source_name])
    asked = query(loaded.desired, source)
    current = () if redact else _current(loaded, progress)
    created = inputs.now()
    with closing(adapters.directory(source, progress)) as directory:
        snapshot = directory.read(asked)
        ids, names = unmatched_users(snapshot, current)
        strays = directory.find(ids, names) if ids or names else frozenset()
    about = About(
        format=file.FORMAT,
        tool=__version__,
        created=created,
        source=source.name,
        servers=source.servers or source.files,
        settings=fit.read_settings(source),
        query=asked,
        redacted=False,
        base_dn=snapshot.base_dn,
        folding=snapshot.folding,
        lookalikes=tuple(sorted(snapshot.lookalikes)),
        asked=tuple(sorted(ids | names)),
        strays=tuple(sorted(strays)),
    )
    capture = Capture(about, snapshot.persons, snapshot.groups, snapshot.units)
    return redacted(capture, tuple(keep)) if redact else capture


def _current(loaded: Loaded, progress: Progress) -> tuple[PlatformState, ...]:
    """All workspaces: every one of them may have users whom the directory does not find."""
    with closing(adapters.platform(loaded.desired.platform, progress)) as target:
        return tuple(map(target.read, loaded.desired.platform.workspaces))


def write(path: Path, capture: Capture) -> str:
    """Writes or replaces a capture. Returns its digest, 64 hexadecimal digits.

    Raises UsageError for any other existing file, ReconcileError if it cannot be written.
    """
    data = file.dumps(capture)
    refuse_other(path)
    try:
        plan_files.replace(path.resolve(), data)
    except OSError as error:
        raise ReconcileError(f"{path}: the capture cannot be written: {error.strerror}") from error
    return hashlib.sha256(data).hexdigest()


def refuse_other(path: Path) -> None:
    """Raises UsageError for a path that a capture must not be written to."""
    if path.suffix in (".yml", ".yaml"):
        raise UsageError(f"{path}: a capture must not end in {path.suffix}, like desired state")
    try:
        if not path.exists():
            return
        if not path.is_file():
            raise UsageError(f"{path} is not a file: a capture is written to a file")
        with path.open("rb") as existing:
            begins = existing.read(len(file.MAGIC))
    except OSError as error:
        raise ReconcileError(f"{path}: the capture cannot be written: {error.strerror}") from error
    if begins and begins != file.MAGIC:
        raise UsageError(f"{path} exists and is not a capture: it is not overwritten")


def refuse_redacted(plan: Plan) -> None:
    """Raises NotApproved for a plan with pseudonyms."""
    for captured in plan.captures:
        if captured.redacted:
            raise NotApproved(
                f"the plan was made from a redacted capture of source {captured.source}, with"
                " pseudonyms in place of people; it can never be applied"
            )


def refuse_changed(plan: Plan, loaded: Loaded, target: ManagedPlatform, progress: Progress) -> None:
    """Reads the sources that were captured. Raises StalePlan if one is no longer the same.

    The digest is that of planning: people, groups, OUs, and which of the platform's users exist.
    """
    if not plan.captures:
        return
    inputs.chosen_sources(loaded.desired, [captured.source for captured in plan.captures])
    names = inputs.chosen_workspaces(loaded.desired, plan.scope.workspaces)
    current = tuple(map(target.read, names))
    moved = []
    for captured in plan.captures:
        (source,) = inputs.chosen_sources(loaded.desired, [captured.source])
        with closing(adapters.directory(source, progress)) as directory:
            snapshot = directory.read(query(loaded.desired, source))
            snapshot = inputs.with_strays(snapshot, directory, current)
        if digest_of(snapshot) != plan.digests.sources.get(captured.source):
            moved.append(
                f"source {captured.source} is no longer as it was captured at {captured.created}"
                f"{_counts(snapshot, plan)}"
            )
    if moved:
        raise StalePlan(moved)


def _counts(snapshot: DirectorySnapshot, plan: Plan) -> str:
    """How many persons there were and are, if that differs."""
    for reading in plan.readings:
        now = len(snapshot.persons)
        if reading.source == snapshot.source and reading.persons not in (None, now):
            return f": {reading.persons} persons then, {now} now"
    return ""
