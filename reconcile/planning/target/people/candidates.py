"""The people of a source: who is to be a user, which user each is, and whose person left."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.model.change import Skip
from reconcile.model.directory import Person
from reconcile.model.identity import ids
from reconcile.model.notice import LeftOutCode
from reconcile.model.platform import User
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.grace import Reason


class ProfileTexts(msgspec.Struct, frozen=True, gc=False):
    """The fields of a profile; None for one that the directory does not set."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None


NO_TEXTS: Final = ProfileTexts()
NO_ATTRIBUTES: Final[Mapping[str, str | None]] = MappingProxyType({})


class Candidate(msgspec.Struct, gc=False):
    """A person who is to be a user.

    `values` are the fields that the profile sets, `attributes` those that it changes: None removes.
    `why` says how the person was matched with the user; `relinked`: the user stands for another
    entry than before. `disabled` is None if that is unknown. `held`: the profile cannot be
    supplied, so the user gains nothing.
    """

    rules: SourceRules
    position: int
    user: User | None
    why: str
    username: str
    values: ProfileTexts
    attributes: Mapping[str, str | None]
    roles: tuple[str, ...]
    keeps_roles: bool
    disabled: bool | None
    relinked: bool = False
    held: bool = False

    @property
    def person(self) -> Person:
        """The entry of the person."""
        return self.rules.index.snapshot.persons[self.position]

    def disown(self) -> None:
        """Gives up a local user it was to adopt; its claim on that name is refused then."""
        self.user, self.why = None, ""

    def hold(self) -> None:
        """Leaves the profile of the user as it is."""
        assert self.user is not None  # noqa: S101 - a person without a user is skipped instead
        self.held, self.username = True, self.user.username
        self.values, self.attributes = NO_TEXTS, NO_ATTRIBUTES


class DepartedUser(msgspec.Struct, frozen=True):
    """A user of a source whose person left, or has been disabled for too long.

    `in_directory`: the directory still has the person, and the rules may still select it
    (`in_scope`). `disabled` is None if that is unknown; `replaced`: a link gave the person to
    another user.
    """

    in_directory: bool
    disabled: bool | None = None
    replaced: bool = False
    in_scope: bool = False

    @property
    def cause(self) -> Reason:
        """Why the user is out of service, if it is because of one thing only."""
        return self.reasons[0]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All that is a reason for the user to be out of service."""
        if not self.in_directory:
            return ("missing",)
        if self.in_scope:
            return ("disabled",)
        return ("out_of_scope", "disabled") if self.disabled else ("out_of_scope",)


class SourcePeople(msgspec.Struct):
    """The people of one source in one workspace.

    `matched`: position → user, in scope or not; `departed`: user id → how the user left. `ignored`
    are the positions of persons who get no user, because theirs was deleted on the platform;
    `left_out` those of persons who get none because of a rule, of whom a plan has the number.
    """

    candidates: list[Candidate]
    skips: list[Skip]
    matched: dict[int, User]
    departed: dict[str, DepartedUser]
    ignored: frozenset[int]
    left_out: Mapping[LeftOutCode, Sequence[int]] = {}

    def adopts(self, candidate: Candidate) -> bool:
        """Whether a candidate adopts a local user, who is not its own yet."""
        return candidate.user is not None and candidate.position not in self.matched

    def serves(self, user_id: str) -> bool:
        """Whether a user of the source has a person in scope."""
        return user_id in ids(self.matched.values()) and user_id not in self.departed
