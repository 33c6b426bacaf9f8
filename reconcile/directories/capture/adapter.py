"""A Directory that answers from a capture. It connects to nothing, and knows what was captured."""

from collections.abc import Collection, Iterable

from reconcile.directories.capture import fit
from reconcile.directories.capture.file import Capture
from reconcile.errors import CaptureError, UsageError
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.login import LoginNames
from reconcile.model.text.printing import quoted
from reconcile.ports import Check, Fault, Outlined, outlined_to_nobody


class CaptureDirectory:
    """One source as it was captured; see `reconcile.ports.Directory`."""

    def __init__(self, source: desired.Source, capture: Capture, name: str) -> None:
        """`name` is that of the capture's file, for messages."""
        self._source = source
        self._capture = capture
        self._name = name

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """None: the settings are those of another adapter."""
        del source
        return ()

    def read(self, query: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """What the directory would have given. Raises CaptureError for what was not captured."""
        fit.refuse_unfit(self._capture, self._source, query, self._name)
        snapshot = fit.narrowed(self._capture, self._source, query)
        outlined(Outline(snapshot.units, snapshot.groups))
        return snapshot

    def find(self, external_ids: Collection[str], dns: Collection[str]) -> frozenset[str]:
        """Those that existed. Raises CaptureError for any that was not looked up."""
        about = self._capture.about
        unknown = sorted({*external_ids, *dns} - set(about.asked))
        if unknown:
            raise CaptureError(self._unknown(unknown))
        return frozenset(about.strays).intersection((*external_ids, *dns))

    def _unknown(self, unknown: list[str]) -> str:
        """The message about users whose fate the capture does not say."""
        if self._capture.about.redacted:
            return (
                f"{self._name}: a redacted capture knows none of the people of the platform, which"
                f" has users of source {self._source.name}: plan it with an empty platform"
            )
        number = len(unknown)
        return (
            f"{self._name}: the platform has {number} user{'s'[: number > 1]} of source"
            f" {self._source.name}, such as {quoted(unknown[0])}, whose entry the rules do not find"
            f" and who became one after the capture. Capture again: reconcile capture"
            f" {self._source.name}"
        )

    def read_person(self, names: LoginNames, query: Query) -> DirectorySnapshot:
        """Raises UsageError: nobody logs in by a capture."""
        del names, query
        raise UsageError(self._no_login)

    def refusal(self, dn: str, password: str) -> str:
        """Raises UsageError: nobody logs in by a capture."""
        del dn, password
        raise UsageError(self._no_login)

    @property
    def _no_login(self) -> str:
        return f"no one can log in by {self._name}: a capture cannot check a password"

    def check(self) -> Iterable[Check]:
        """What was captured."""
        about = self._capture.about
        parts = (self._capture.persons, self._capture.groups, self._capture.units)
        persons, groups, units = map(len, parts)
        detail = f"{about.created}: {persons} persons, {groups} groups, {units} OUs"
        yield Check("read the capture", ok=True, detail=detail)

    def close(self) -> None:
        """Nothing is open."""
