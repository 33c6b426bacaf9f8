"""From the persons of a source to candidates: which are in scope, and which user each is.

The order is the rule: first which person is which user (`matching`), then scope and service, then
the profile (`candidate_maker`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from reconcile.model.desired import DesiredState
from reconcile.model.identity import entry_id, ids
from reconcile.model.notice import LeftOutCode
from reconcile.model.platform import Abilities, PlatformState, User
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import grace, profiles
from reconcile.planning.target.link_line import link_line
from reconcile.planning.target.people import matching
from reconcile.planning.target.people.candidate_maker import CandidateMaker, Matched
from reconcile.planning.target.people.candidates import Candidate, DepartedUser, SourcePeople
from reconcile.planning.target.people.facts import person_facts
from reconcile.planning.target.people.skips import PersonSkips
from reconcile.planning.target.profiles import Refused
from reconcile.planning.target.status import DEPARTED

_ERASED: Final = Refused("exists_locally", "the platform has an erased account of this person")


class CandidateFinder:
    """Finds the candidates of one source in one workspace.

    Call `match`, then `take_over` for each source to take over from, then `people`.
    """

    def __init__(
        self,
        desired: DesiredState,
        rules: SourceRules,
        current: PlatformState,
        abilities: Abilities,
        granted: Callable[[], Mapping[str, tuple[str, ...]]],
        now: str,
    ) -> None:
        """`granted` returns user id → the roles that syncs granted. `now`: RFC 3339."""
        self.rules = rules
        self._on_disabled = desired.lifecycle.on_disabled
        self._ends_disabled = desired.lifecycle.ends_disabled and not rules.login
        self._now = now
        self._settings = rules.source.users
        deleted = current.deleted if desired.lifecycle.on_deleted == "ignore" else ()
        self._adopts = desired.lifecycle.adopt_local != "never"
        self._deleted = frozenset((source, stable_id.lower()) for source, stable_id in deleted)
        self._skips = PersonSkips(current.workspace, rules)
        self._maker = CandidateMaker(desired, rules, abilities, granted, self._skips)
        self._erased: set[str] = set()
        """The external ids of erased users, in lower case."""
        self._scope: dict[int, bool] = {}
        """Positions of the persons in scope → whether they are in scope without a user, too."""
        self._left_out: dict[LeftOutCode, list[int]] = {
            "outside_create_groups": [],
            "outside_required_groups": [],
            "disabled": [],
        }
        self._ended: set[str] = set()
        """The ids of users whose persons are in scope, and have been disabled for too long."""
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
            matched = ids(recognised)
            left = [user for user in free if user.id not in matched]
            noted = dict(self._matches.namesakes)
            recognised += self._by_facts(left, "recognised")
            if self._adopts:  # then a name alone decides, as for any local account
                self._matches.namesakes = noted
            self._recognised |= self._matches.users.keys() - before
        return recognised

    def would_take(self, users: Iterable[User]) -> dict[int, User]:
        """Position → the user of these that `take_over` would match with the person."""
        trial = self._matches.copy()
        taken = ids(self._by_facts(list(users), "", trial))
        return {at: user for at, user in trial.users.items() if user.id in taken}

    def contest(self, users: Iterable[User]) -> None:
        """Notes persons as namesakes of users that another source would take over, too."""
        why = "a person of another source, which takes over from the same one, matches it, too"
        for at, user in self.would_take(users).items():
            self._matches.namesakes[at] = why, (user,)

    def lost(self) -> list[User]:
        """The users whose persons the source no longer has in scope."""
        source = self.rules.source.name
        out_of_scope = [user for at, user in self._matches.users.items() if at not in self._scope]
        lost = (*out_of_scope, *self._matches.unmatched.values())
        return [user for user in lost if user.source == source]

    def give_up(self, users: Iterable[User]) -> None:
        """Forgets users that another source takes over."""
        given_up = ids(users)
        for user_id in given_up:
            self._matches.unmatched.pop(user_id, None)
        for at, user in list(self._matches.users.items()):
            if user.id in given_up:
                del self._matches.users[at]

    def people(self, local: Mapping[str, User]) -> SourcePeople:
        """The people of the source. `local`: folded username → the local user of that name."""
        candidates: list[Candidate] = []
        ignored: set[int] = set()
        for position, sure in list(self._scope.items()):
            matched = self._matched(position)
            if matched is not None and self._stays_departed(position, matched.user):
                del self._scope[position]
                continue
            if matched is None and not self._may_join(position, sure=sure, ignored=ignored):
                continue
            if self._ends_disabled and matched and self._has_ended(position, matched.user):
                continue
            candidate = self._maker.make(position, matched, local)
            if candidate is not None:
                candidates.append(candidate)
        return SourcePeople(
            candidates=candidates,
            skips=self._skips.skips,
            matched=self._matches.users,
            departed={} if self.rules.login else self._departed(),
            ignored=frozenset(ignored),
            left_out=self._without_user(),
        )

    def _has_ended(self, position: int, user: User) -> bool:
        """Whether the user is to be erased or deleted, because its person is disabled too long."""
        over = grace.is_over(user, self._on_disabled, "disabled", self._now)
        if not over or not self._maker.disabled(position):
            return False
        self._ended.add(user.id)
        return True

    def _without_user(self) -> dict[LeftOutCode, list[int]]:
        """The persons that rules leave out and that have no user: those that do have departed."""
        self._left_out["disabled"] = self._maker.not_created
        if self._settings.create != "groups":
            self._left_out["outside_create_groups"] = []
        users = self._matches.users
        without = {
            code: [position for position in positions if position not in users]
            for code, positions in self._left_out.items()
        }
        return {code: positions for code, positions in without.items() if positions}

    def _matched(self, position: int) -> Matched | None:
        """The user of a person, and how it was found."""
        user = self._matches.users.get(position)
        if user is None:
            return None
        why = self._matches.ties.get(position)
        if why is None:
            return Matched(user, "", relinked=False)
        return Matched(user, why, relinked=position not in self._recognised)

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
            # The user that a namesake may be exists, and is not updated.
            self._skips.add(position, self._login(position), self._namesake(position), exists=True)
            return False
        return True

    def _departed(self) -> dict[str, DepartedUser]:
        """User id → how the user left, of users without a person in scope."""
        matches, strays = self._matches, self.rules.index.snapshot.strays
        departed: dict[str, DepartedUser] = {}
        for position, user in matches.users.items():
            if position not in self._scope:
                disabled = self._maker.disabled(position)
                departed[user.id] = DepartedUser(in_directory=True, disabled=disabled)
            elif user.id in self._ended:
                departed[user.id] = DepartedUser(in_directory=True, disabled=True, in_scope=True)
        for user in matches.unmatched.values():
            departed[user.id] = DepartedUser(in_directory=entry_id(user) in strays)
        for user_id in matches.displaced:
            departed[user_id] = DepartedUser(in_directory=False, replaced=True)
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
        outside_create = self._left_out["outside_create_groups"]
        outside_required = self._left_out["outside_required_groups"]
        users_left = bool(matches.unmatched) or bool(rules.source.takes_over)
        for position in range(len(rules.index.snapshot.persons)):
            if rules.excluded(position):
                continue
            exists = position in matches.users
            serves = exists and _serves(matches.users[position])
            sure = rules.wants(position, exists=exists, serves=serves)
            if not sure:
                outside_create.append(position)
                if not (users_left and rules.wants(position, exists=True, serves=True)):
                    continue
            if self._erased and self._is_erased(position, skips=sure, exists=exists):
                continue
            if rules.outside_required(position, serves=serves):
                if sure:
                    outside_required.append(position)
                continue
            scope[position] = sure
        return scope

    def _is_erased(self, position: int, *, skips: bool, exists: bool) -> bool:
        """Whether the platform has an erased account of the person; `skips`: that is a skip."""
        person = self.rules.index.person(position)
        is_erased = person.external_id.lower() in self._erased
        if is_erased and skips:
            self._skips.add(position, person.identifier, _ERASED, exists=exists)
        return is_erased

    def _by_facts(
        self, users: list[User], how: str, trial: matching.Matches | None = None
    ) -> list[User]:
        """Matches persons in scope without a user with these users; into `trial`, if given."""
        if not users:
            return []
        index, settings = self.rules.index, self._settings
        persons = {
            position: person_facts(settings, index.person(position), index.keys[position])
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
        """Why it is not clear which user a person is, and how to say so."""
        why, users = self._matches.namesakes[position]
        entry, source = entry_id(self.rules.index.person(position)), self.rules.source.name
        names = " and ".join(repr(user.username) for user in users)
        lines = " or ".join(link_line("user", user.username, source, entry) for user in users)
        return Refused(
            "namesake",
            f"it may be the person of {names}, but {why}: if it is, write links: [{lines}];"
            " if not, delete or rename that user on the platform",
        )


def _serves(user: User) -> bool:
    """Whether a user is one whose person was in scope at the last run, disabled or not."""
    return not user.departed and user.status_cause not in DEPARTED
