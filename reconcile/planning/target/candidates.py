"""From the persons of a source to candidates: which are in scope, and which user each is.

The order is the rule: first which person is which user (`matching`), then scope and service, then
the profile. A profile that cannot be supplied decides nothing else. The user of such a person is
*held*: it loses what the directory takes away, and gains nothing until the profile is valid again.
A person without a user only becomes a skip.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState
from reconcile.model.directory import Person
from reconcile.model.platform import Abilities, PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import matching, profiles
from reconcile.planning.target.profiles import Refused
from reconcile.planning.target.status import DEPARTED

_ERASED: Final = Refused("exists_locally", "the platform has an erased account of this very person")


class Candidate(msgspec.Struct, gc=False):
    """A person who is to be a user. `values` and `attributes` are what the profile sets.

    `why` says how the person was matched with the user; `relinked`: the user stands for another
    entry than before. `disabled` is None where that is unknown. `held`: the profile cannot be
    supplied, so the user gains nothing.
    """

    rules: SourceRules
    position: int
    user: User | None
    why: str
    username: str
    values: dict[str, str]
    attributes: dict[str, str | None]
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
        """Gives up a local user it was to adopt."""
        self.user, self.why = None, ""

    def hold(self) -> None:
        """Leaves the profile of the user as it is."""
        assert self.user is not None  # noqa: S101 - a person without a user is skipped instead
        self.held, self.username, self.values, self.attributes = True, self.user.username, {}, {}


class Departed(msgspec.Struct, frozen=True):
    """A user of a source without a person in scope. `found`: the directory still has the person.

    `disabled` is None where that is unknown; `replaced`: a link gave the person to another user.
    """

    found: bool
    disabled: bool | None = None
    replaced: bool = False


class People(msgspec.Struct):
    """The people of one source in one workspace.

    `matched`: position → user, in scope or not; `departed`: user id → how the user left. `ignored`
    are the positions of persons who get no user, because theirs was deleted on the platform.
    """

    candidates: list[Candidate]
    skips: list[Skip]
    matched: dict[int, User]
    departed: dict[str, Departed]
    ignored: frozenset[int]


class Gathering:
    """Gathers the candidates of one source in one workspace.

    Call `match`, then `take_over` for each source to take over from, then `people`.
    """

    def __init__(
        self,
        desired: DesiredState,
        rules: SourceRules,
        current: PlatformState,
        abilities: Abilities,
        granted: Mapping[str, Iterable[str]],
    ) -> None:
        """`granted`: user id → the roles that syncs granted."""
        self.rules = rules
        self._roles_wanted = desired.roles
        self._settings = rules.source.users
        self._workspace = current.workspace
        self._abilities = abilities
        self._granted = granted
        self._adopt = desired.lifecycle.adopt_local
        deleted = current.deleted if desired.lifecycle.on_deleted == "ignore" else ()
        self._deleted = frozenset((source, stable_id.lower()) for source, stable_id in deleted)
        self._skips: list[Skip] = []
        self._erased: set[str] = set()
        self._scope: dict[int, bool] = {}
        self._matches = matching.Matches({}, {}, {}, {}, {})
        self._recognised: set[int] = set()
        """Positions of persons whose users were local until now, and are adopted."""

    def match(self, users: Iterable[User], linked: Mapping[int, tuple[User, str]]) -> None:
        """Finds the users of the source's persons.

        `users` are those of the source; `linked`: position → the user a link gives it, and why.
        """
        living: list[User] = []
        for user in users:
            if user.status != "erased":
                living.append(user)
            elif user.external_id:
                self._erased.add(user.external_id.lower())
        index = self.rules.index
        self._matches = matching.match(index, living, linked)
        self._scope = self._in_scope()
        unmatched = self._matches.unmatched.values()
        self._by_facts([user for user in unmatched if matching.may_relink(user, index)], "relinked")

    def take_over(self, users: Iterable[User], source: str) -> list[User]:
        """Matches users that another source has lost. Returns those that found a person here."""
        return self._by_facts(list(users), f"taken over from {source}")

    def recognise(self, users: Iterable[User], *, by_facts: bool) -> list[User]:
        """Matches new persons with users whose source is not known. Returns those that are matched.

        The platform itself may keep the external id of an entry: that is proof. With `by_facts`,
        because the ledger is lost, two facts that agree are enough, too.
        """
        free = list(users)
        for position, user in matching.by_kept_ids(self._scope, self.rules.index, free).items():
            if position not in self._matches.users:
                self._matches.users[position] = user
                self._matches.ties[position] = matching.KEPT_ID
                self._recognised.add(position)
        recognised = [self._matches.users[position] for position in self._recognised]
        if by_facts:
            before = set(self._matches.users)
            ids = {user.id for user in recognised}
            left = [user for user in free if user.id not in ids]
            noted = dict(self._matches.namesakes)
            recognised += self._by_facts(left, "recognised")
            if self._adopt != "never":  # then a name alone decides, as for any local account
                self._matches.namesakes = noted
            self._recognised |= self._matches.users.keys() - before
        return recognised

    def would_take(self, users: Iterable[User]) -> dict[int, User]:
        """Position → the user of these that `take_over` would match with the person."""
        trial = self._matches.copy()
        taken = {user.id for user in self._by_facts(list(users), "", trial)}
        return {at: user for at, user in trial.users.items() if user.id in taken}

    def contest(self, users: Iterable[User]) -> None:
        """Notes persons as namesakes of users that another source would take over, too."""
        why = (
            "a person of another source, which takes over from the same one, agrees with it as well"
        )
        for at, user in self.would_take(users).items():
            self._matches.namesakes[at] = why, (user,)

    def lost(self) -> list[User]:
        """The users whose persons the source no longer has in scope."""
        matches, source = self._matches, self.rules.source.name
        out_of_scope = (user for at, user in matches.users.items() if at not in self._scope)
        lost = (*out_of_scope, *matches.unmatched.values())
        return [user for user in lost if user.source == source]

    def give_up(self, users: Iterable[User]) -> None:
        """Forgets users that another source takes over."""
        rows = {user.id for user in users}
        for row in rows:
            self._matches.unmatched.pop(row, None)
        for at in [at for at, user in self._matches.users.items() if user.id in rows]:
            del self._matches.users[at]

    def people(self, local: Mapping[str, User]) -> People:
        """The people of the source. `local`: folded username → the local user of that name."""
        candidates: list[Candidate] = []
        ignored: set[int] = set()
        for position, sure in list(self._scope.items()):
            user = self._matches.users.get(position)
            if user is not None and self._stays_departed(position, user):
                del self._scope[position]
                continue
            if user is None and not self._may_join(position, sure=sure, ignored=ignored):
                continue
            candidate = self._candidate(position, user, local)
            if candidate is not None:
                candidates.append(candidate)
        departed = {} if self.rules.login else self._departed()
        return People(candidates, self._skips, self._matches.users, departed, frozenset(ignored))

    def _stays_departed(self, position: int, user: User) -> bool:
        """A group whose members are not known keeps users, but brings none back."""
        return not _serves(user) and not self.rules.wants(position, exists=True)

    def _may_join(self, position: int, *, sure: bool, ignored: set[int]) -> bool:
        """Whether a person may get a first user. `sure`: the person is in scope without one."""
        if not sure:
            return False
        if self._is_ignored(position):
            ignored.add(position)
            return False
        if position in self._matches.namesakes:
            self._skip(position, self._login(position), self._namesake(position))
            return False
        return True

    def _departed(self) -> dict[str, Departed]:
        """User id → how the user left, of users without a person in scope."""
        matches, strays = self._matches, self.rules.index.snapshot.strays
        departed: dict[str, Departed] = {}
        for position, user in matches.users.items():
            if position not in self._scope:
                departed[user.id] = Departed(found=True, disabled=self._disabled(position))
        for user in matches.unmatched.values():
            departed[user.id] = Departed(found=(user.external_id or user.dn) in strays)
        for user_id in matches.displaced:
            departed[user_id] = Departed(found=False, replaced=True)
        return departed

    def _is_ignored(self, position: int) -> bool:
        """Whether the person's user was deleted on the platform, and `select` does not name it."""
        stable_id = self.rules.index.person(position).external_id.lower()
        is_deleted = (self.rules.source.name, stable_id) in self._deleted
        return is_deleted and not self.rules.named(position)

    def _in_scope(self) -> dict[int, bool]:
        """Positions of the persons in scope → whether they are in scope without a user, too.

        Persons who are in scope only with an existing user (`create: never`) take part while users
        are left that may be theirs.
        """
        scope: dict[int, bool] = {}
        rules, matches = self.rules, self._matches
        users_left = bool(matches.unmatched) or bool(rules.source.takes_over)
        for position, person in enumerate(rules.index.snapshot.persons):
            if rules.excluded(position):
                continue
            exists = position in matches.users
            serves = exists and _serves(matches.users[position])
            sure = rules.wants(position, exists=exists, serves=serves)
            if not sure and not (users_left and rules.wants(position, exists=True, serves=True)):
                continue
            if self._erased and person.external_id.lower() in self._erased:
                if sure:
                    self._skip(position, person.identifier, _ERASED)
                continue
            if rules.outside_required(position, serves=serves):
                if sure and not exists:
                    self._skip(position, person.identifier, self._outside_required())
                continue
            scope[position] = sure
        return scope

    def _outside_required(self) -> Refused:
        groups = ", ".join(self._settings.require_groups)
        return Refused("outside_required_groups", f"in none of {groups}")

    def _by_facts(
        self, users: list[User], how: str, trial: matching.Matches | None = None
    ) -> list[User]:
        """Matches persons in scope without a user with these users; into `trial`, if given."""
        if not users:
            return []
        index, settings = self.rules.index, self._settings
        persons = {
            position: matching.person_facts(settings, index.person(position), index.keys[position])
            for position in self._scope
            if position not in self._matches.users
        }
        matches = trial or self._matches
        return matching.match_facts(matches, persons, users, settings.match_by, how)

    def _login(self, position: int) -> str:
        """The username of a person for a skip; the login name if that fails."""
        person = self.rules.index.person(position)
        try:
            return profiles.username(self._settings, person)
        except Refused:
            return person.identifier

    def _namesake(self, position: int) -> Refused:
        why, users = self._matches.namesakes[position]
        names = " and ".join(repr(user.username) for user in users)
        lines = " or ".join(self._link(user, position) for user in users)
        return Refused(
            "namesake",
            f"it may be the person of {names}, but {why}: if it is, write links: [{lines}];"
            " if not, delete or rename that user on the platform",
        )

    def _link(self, user: User, position: int) -> str:
        person = self.rules.index.person(position)
        return link_line(
            "user", user.username, self.rules.source.name, person.external_id or person.dn
        )

    def _candidate(
        self, position: int, user: User | None, local: Mapping[str, User]
    ) -> Candidate | None:
        """The candidate of a person; None, with a skip, if a new person has no valid profile."""
        candidate = Candidate(
            self.rules,
            position,
            user,
            self._matches.ties.get(position, ""),
            user.username if user is not None else self.rules.index.person(position).identifier,
            {},
            {},
            *self._roles(position, user),
            self._disabled(position),
            position in self._matches.ties and position not in self._recognised,
        )
        try:
            left_out = self._fill(candidate, local)
        except Refused as refused:
            return self._without_profile(candidate, refused)
        except TemplateFailed as error:
            return self._without_profile(candidate, Refused("template_failed", str(error)))
        for detail in left_out:
            self._skip(position, candidate.username, Refused("invalid_attribute", detail))
        return candidate

    def _fill(self, candidate: Candidate, local: Mapping[str, User]) -> Sequence[str]:
        """Sets the profile of a candidate, and the local user it adopts.

        Returns what is wrong with attributes that were left out. Raises Refused and TemplateFailed.
        """
        position, person, settings = candidate.position, candidate.person, self._settings
        candidate.username = profiles.username(settings, person, candidate.user)
        if candidate.disabled is None:
            self.rules.disabled(position)  # raises as `disabled_when` does
        name = candidate.username
        values = profiles.fields(settings, person, candidate.user, name)
        if candidate.user is None and local:
            candidate.user, candidate.why = self._adopted(values, local)
            if candidate.user is not None:
                candidate.roles, candidate.keeps_roles = self._roles(position, candidate.user)
                values = profiles.fields(settings, person, candidate.user, name)
        user, roles = candidate.user, candidate.roles
        profile = profiles.profile(settings, person, user, values, roles, self._abilities)
        candidate.values, candidate.attributes = values, profile.attributes
        return profile.left_out

    def _without_profile(self, candidate: Candidate, refused: Refused) -> Candidate | None:
        """A candidate without a valid profile: held if it has a user, otherwise left out."""
        self._skip(candidate.position, candidate.username, refused)
        user = candidate.user
        if user is None or (not user.source and candidate.position not in self._matches.users):
            return None
        candidate.hold()
        return candidate

    def _disabled(self, position: int) -> bool | None:
        """Whether the person is out of service; None where `disabled_when` fails."""
        try:
            return self.rules.disabled(position)
        except TemplateFailed:
            return None

    def _adopted(
        self, values: Mapping[str, str], local: Mapping[str, User]
    ) -> tuple[User | None, str]:
        """The local user that a new person adopts by `adopt_local`, and why."""
        user = local.get(fold_name(values["username"]))
        if user is None:
            return None, ""
        source = self.rules.source.name
        if self._adopt == "always":
            return user, f"the local account of this name is adopted by {source}"
        email = fold_name(values.get("email", ""))
        if self._adopt == "matching_email" and email and email == fold_name(user.email):
            why = f"the local account of this name and e-mail address is adopted by {source}"
            return user, why
        return None, ""

    def _roles(self, position: int, user: User | None) -> tuple[tuple[str, ...], bool]:
        """The roles of a person by the rules, and whether they are only the present ones, kept."""
        wanted = self._roles_wanted
        granted = tuple(self._granted.get(user.id, ())) if user is not None else ()
        if user is not None and wanted.on_existing == "keep":
            return granted, True
        mappings = self.rules.roles(position, multiple=wanted.mode == "multiple", has=granted)
        if mappings:
            return tuple(dict.fromkeys(mapping.role for mapping in mappings)), False
        if wanted.on_unmapped == "keep":
            return granted, True
        if wanted.on_unmapped == "default" and self.rules.default_role is not None:
            return (self.rules.default_role,), False
        return (), False

    def _skip(self, position: int, username: str, refused: Refused) -> None:
        # The user that a namesake may be exists, and is not updated.
        exists = position in self._matches.users or refused.code == "namesake"
        source, dn = self.rules.source.name, self.rules.index.person(position).dn
        why = (refused.code, refused.detail)
        self._skips.append(Skip(self._workspace, source, dn, username, *why, exists))


def _serves(user: User) -> bool:
    """Whether a user is one whose person was in scope at the last run, disabled or not."""
    return not user.departed and user.status_cause not in DEPARTED


def link_line(kind: str, name: str, source: str, entry: str) -> str:
    """An item of `links` as it can be pasted into a file (YAML in flow style)."""
    what = "person" if kind == "user" else "entry"
    return f"{{{kind}: {_quoted(name)}, source: {_quoted(source)}, {what}: {_quoted(entry)}}}"


def _quoted(text: str) -> str:
    r"""As a double-quoted scalar of YAML; one of JSON is one, too."""
    return msgspec.json.encode(text).decode()
