"""From the persons of a source to candidates: who is in scope, which user each is, and what each is to be.

The order is the rule. First who is who (`matching`), then who is in scope and in service, then the
profile: a profile that cannot be supplied decides nothing but itself. The user of such a person is
*held*: it loses what the directory takes away, and gains nothing until the profile is sound again.
A person without a user becomes a skip alone.
"""

from collections.abc import Iterable, Mapping

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState
from reconcile.model.directory import Person
from reconcile.model.platform import Limits, PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import matching, profiles
from reconcile.planning.target.profiles import Refused


class Candidate(msgspec.Struct, gc=False):
    """A person who is to be a user. `values` and `attributes` are what the profile sets; see `Profile`.

    `why` says how the person came to the user, `relinked` that it stands for another entry than
    before. `disabled` is None where that cannot be told. `held`: the profile cannot be supplied, so
    the user gains nothing.
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
        """The entry behind it."""
        return self.rules.index.snapshot.persons[self.position]

    def disown(self) -> None:
        """Gives up a local account it was to adopt."""
        self.user, self.why = None, ""

    def hold(self) -> None:
        """Leaves the profile of its user as it is."""
        assert self.user is not None  # noqa: S101 - whoever has no user is left out instead
        self.held, self.username, self.values, self.attributes = True, self.user.username, {}, {}


class Departed(msgspec.Struct, frozen=True):
    """A user of a source without a person in scope. `found`: the directory still has the person.

    `disabled` is None where nothing was read of the person that tells; `replaced`: a link gave the
    person away.
    """

    found: bool
    disabled: bool | None = None
    replaced: bool = False


class People(msgspec.Struct):
    """One source, one workspace.

    `matched`: position → user, in scope or not; `departed`: user id → how, of users whose person is not in scope.
    `ignored` are the positions of persons who stay away, because their user was deleted on the platform.
    """

    candidates: list[Candidate]
    skips: list[Skip]
    matched: dict[int, User]
    departed: dict[str, Departed]
    ignored: frozenset[int]


class Gathering:
    """Gathers the candidates of one source in one workspace: `match`, then perhaps `take_over`, then `people`."""

    def __init__(
        self,
        desired: DesiredState,
        rules: SourceRules,
        current: PlatformState,
        limits: Limits,
        granted: Mapping[str, Iterable[str]],
    ) -> None:
        """`granted` is what syncs granted so far: user id → roles."""
        self.rules = rules
        self._roles_wanted = desired.roles
        self._settings = rules.source.users
        self._workspace = current.workspace
        self._limits = limits
        self._granted = granted
        self._adopt = desired.lifecycle.adopt_local
        self._deleted = frozenset(
            (source, stable_id.lower())
            for source, stable_id in (
                current.deleted if desired.lifecycle.on_deleted == "ignore" else ()
            )
        )
        self._skips: list[Skip] = []
        self._erased: set[str] = set()
        self._scope: dict[int, bool] = {}
        self._matches = matching.Matches({}, {}, {}, {}, {})

    def match(self, users: Iterable[User], linked: Mapping[int, tuple[User, str]]) -> None:
        """Finds the users of the source's persons. `users` are those of the source; `linked` as `matching` says."""
        users = list(users)
        self._erased = {
            user.external_id.lower()
            for user in users
            if user.status == "erased" and user.external_id
        }
        there = (user for user in users if user.status != "erased")
        self._matches = matching.match(self.rules.index, there, linked)
        self._scope = self._in_scope()
        index = self.rules.index
        left = [
            user for user in self._matches.unmatched.values() if matching.may_relink(user, index)
        ]
        self._by_facts(left, "relinked")

    def take_over(self, users: Iterable[User], source: str) -> list[User]:
        """Matches users whom another source has lost; those that found their person here."""
        return self._by_facts(list(users), f"taken over from {source}")

    def would_take(self, users: Iterable[User]) -> dict[int, User]:
        """Position → the user among these whom `take_over` would match with the person."""
        trial = self._matches.copy()
        taken = {user.id for user in self._by_facts(list(users), "", trial)}
        return {at: user for at, user in trial.users.items() if user.id in taken}

    def contest(self, users: Iterable[User]) -> None:
        """Notes as namesakes the persons who would take over one of these, whom another source would, too."""
        why = (
            "a person of another source, which takes over from the same one, agrees with it as well"
        )
        for at, user in self.would_take(users).items():
            self._matches.namesakes[at] = why, (user,)

    def lost(self) -> list[User]:
        """The users whose persons the source no longer has in scope."""
        out = (user for at, user in self._matches.users.items() if at not in self._scope)
        return [
            user
            for user in (*out, *self._matches.unmatched.values())
            if user.source == self.rules.source.name
        ]

    def give_up(self, users: Iterable[User]) -> None:
        """Forgets users whom another source takes over."""
        rows = {user.id for user in users}
        for row in rows:
            self._matches.unmatched.pop(row, None)
        for at in [at for at, user in self._matches.users.items() if user.id in rows]:
            del self._matches.users[at]

    def people(self, local: Mapping[str, User]) -> People:
        """Who is to be what. `local` are the local accounts by case-folded username."""
        candidates: list[Candidate] = []
        ignored: set[int] = set()
        for position, sure in list(self._scope.items()):
            user = self._matches.users.get(position)
            if user is None and not sure:
                continue
            if (
                user is not None
                and not _serves(user)
                and not self.rules.wants(position, exists=True)
            ):
                del self._scope[position]  # a group whose members are not known brings nobody back
                continue
            if user is None and self._is_ignored(position):
                ignored.add(position)
                continue
            if user is None and position in self._matches.namesakes:
                self._skip(position, self._login(position), self._namesake(position))
                continue
            candidate = self._candidate(position, user, local)
            if candidate is not None:
                candidates.append(candidate)
        departed = {} if self.rules.login else self._departed()
        return People(candidates, self._skips, self._matches.users, departed, frozenset(ignored))

    def _departed(self) -> dict[str, Departed]:
        matches, strays = self._matches, self.rules.index.snapshot.strays
        departed = {
            user.id: Departed(found=True, disabled=self._disabled(at))
            for at, user in matches.users.items()
            if at not in self._scope
        }
        departed |= {
            user.id: Departed(found=(user.external_id or user.dn) in strays)
            for user in matches.unmatched.values()
        }
        return departed | {row: Departed(found=False, replaced=True) for row in matches.displaced}

    def _is_ignored(self, position: int) -> bool:
        """Whether the person's user was deleted on the platform, and nobody has asked for it back by name since."""
        stable_id = self.rules.index.snapshot.persons[position].external_id.lower()
        return (self.rules.source.name, stable_id) in self._deleted and not self.rules.named(
            position
        )

    def _in_scope(self) -> dict[int, bool]:
        """Positions of the persons in scope → whether they are so without a user, too.

        Persons whom only an existing user would bring into scope (`create: never`) take part while
        there are users left who may be theirs.
        """
        scope: dict[int, bool] = {}
        rules, matches = self.rules, self._matches
        left = bool(matches.unmatched) or bool(rules.source.takes_over)
        for position, person in enumerate(rules.index.snapshot.persons):
            if rules.excluded(position):
                continue
            exists = position in matches.users
            serves = exists and _serves(matches.users[position])
            sure = rules.wants(position, exists=exists, serves=serves)
            if not sure and not (left and rules.wants(position, exists=True, serves=True)):
                continue
            if self._erased and person.external_id.lower() in self._erased:
                if sure:
                    erased = Refused(
                        "exists_locally", "the platform has an erased account of this very person"
                    )
                    self._skip(position, person.identifier, erased)
                continue
            if rules.outside_required(position, serves=serves):
                if sure and not exists:
                    groups = ", ".join(self._settings.require_groups)
                    self._skip(
                        position,
                        person.identifier,
                        Refused("outside_required_groups", f"in none of {groups}"),
                    )
                continue
            scope[position] = sure
        return scope

    def _by_facts(
        self, users: list[User], how: str, matches: matching.Matches | None = None
    ) -> list[User]:
        """Matches persons in scope who have no user yet with these users; noted in `matches`, else in our own."""
        if not users:
            return []
        match_by = self._settings.match_by
        index, settings = self.rules.index, self._settings
        persons = {
            at: matching.person_facts(settings, index.person(at), index.keys[at])
            for at in self._scope
            if at not in self._matches.users
        }
        return matching.match_facts(matches or self._matches, persons, users, match_by, how)

    def _login(self, position: int) -> str:
        """The username of a person for a skip, else the login name."""
        person = self.rules.index.snapshot.persons[position]
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
        person = self.rules.index.snapshot.persons[position]
        return link_line(
            "user", user.username, self.rules.source.name, person.external_id or person.dn
        )

    def _candidate(
        self, position: int, user: User | None, local: Mapping[str, User]
    ) -> Candidate | None:
        """The candidate of a person; None, and a skip, for a newcomer whose profile cannot be supplied."""
        person, settings = self.rules.index.snapshot.persons[position], self._settings
        why = self._matches.ties.get(position, "")
        name = user.username if user is not None else person.identifier
        disabled = self._disabled(position)
        roles, keeps = self._roles(position, user)
        try:
            name = profiles.username(settings, person, user)
            self.rules.disabled(position)  # raises as `disabled_when` does
            values = profiles.fields(settings, person, user, name)
            if user is None and local:
                user, why = self._adopted(values, local)
                if user is not None:
                    roles, keeps = self._roles(position, user)
                    values = profiles.fields(settings, person, user, name)
            profile = profiles.profile(settings, person, user, values, roles, self._limits)
        except (Refused, TemplateFailed) as error:
            refused = (
                error if isinstance(error, Refused) else Refused("template_failed", str(error))
            )
            self._skip(position, name, refused)
            if user is None or (not user.source and position not in self._matches.users):
                return None
            candidate = Candidate(
                self.rules, position, user, why, user.username, {}, {}, roles, keeps, disabled
            )
            candidate.hold()
        else:
            for detail in profile.left_out:
                self._skip(position, name, Refused("invalid_attribute", detail))
            candidate = Candidate(
                self.rules,
                position,
                user,
                why,
                name,
                values,
                profile.attributes,
                roles,
                keeps,
                disabled,
            )
        candidate.relinked = position in self._matches.ties
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
        """The local account that a newcomer takes over, where `adopt_local` says so, and why."""
        user = local.get(fold_name(values["username"]))
        email = fold_name(values.get("email", ""))
        if user is not None and self._adopt == "always":
            return user, f"the local account of this name is adopted by {self.rules.source.name}"
        if (
            user is not None
            and self._adopt == "matching_email"
            and email
            and email == fold_name(user.email)
        ):
            return (
                user,
                f"the local account of this name and e-mail address is adopted by {self.rules.source.name}",
            )
        return None, ""

    def _roles(self, position: int, user: User | None) -> tuple[tuple[str, ...], bool]:
        """The roles a person is to have by the rules, and whether they are only those it has already."""
        wanted = self._roles_wanted
        if user is not None and wanted.on_existing == "keep":
            return tuple(self._granted.get(user.id, ())), True
        has = tuple(self._granted.get(user.id, ())) if user is not None else ()
        found = self.rules.roles(position, multiple=wanted.mode == "multiple", has=has)
        mapped = tuple(dict.fromkeys(mapping.role for mapping in found))
        if mapped:
            return mapped, False
        if wanted.on_unmapped == "keep":
            return (tuple(self._granted.get(user.id, ())) if user is not None else ()), True
        if wanted.on_unmapped == "default" and self.rules.default_role is not None:
            return (self.rules.default_role,), False
        return (), False

    def _skip(self, position: int, username: str, refused: Refused) -> None:
        person, exists = (
            self.rules.index.snapshot.persons[position],
            position in self._matches.users,
        )
        exists = (
            exists or refused.code == "namesake"
        )  # the user it may be is there, and is not kept equal
        why = (refused.code, refused.detail)
        self._skips.append(
            Skip(self._workspace, self.rules.source.name, person.dn, username, *why, exists)
        )


def _serves(user: User) -> bool:
    """Whether a user is one whose person was in scope at the last run, disabled or not."""
    return not user.departed and user.status_cause not in (
        "missing",
        "out_of_scope",
        "source_removed",
    )


def link_line(kind: str, name: str, source: str, entry: str) -> str:
    """The item of `links` that says so, as it can be pasted into a file (YAML in flow style)."""
    what = "person" if kind == "user" else "entry"
    return f"{{{kind}: {_quoted(name)}, source: {_quoted(source)}, {what}: {_quoted(entry)}}}"


def _quoted(text: str) -> str:
    r"""As a double-quoted scalar of YAML; one of JSON is one, too."""
    return msgspec.json.encode(text).decode()
