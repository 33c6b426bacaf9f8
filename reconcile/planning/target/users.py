"""From settled candidates and departed users to the wanted users, with reasons for what differs."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from reconcile.model.desired import Lifecycle
from reconcile.model.platform import Department, User
from reconcile.model.text import dn
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import grace, status
from reconcile.planning.target.people.candidates import Candidate, SourcePeople


class WantedUsers(msgspec.Struct):
    """`users`: the wanted users by id; `reasons`: user id → why it is new or changed, if known.

    `deleted` are the ids of users to delete, `erased` of those whose row alone stays. `names` are
    all usernames in use now or in the wanted state, folded, once a user departs.
    """

    users: dict[str, User]
    reasons: dict[str, str]
    deleted: set[str]
    erased: set[str]
    names: set[str]


class DepartmentPlacement(msgspec.Struct, frozen=True):
    """Departments as users are put into them.

    `ids`: source and normalized DN → id of a selected department; `current`: those on the platform,
    by id. `held` are the ids of departments whose name no longer stands for their entry: no user
    enters them.
    """

    ids: Mapping[tuple[str, str], str]
    current: Mapping[str, Department]
    held: Collection[str] = ()

    def of(self, candidate: Candidate) -> str:
        """The id of the department of a candidate's user; "" for none."""
        source, user = candidate.rules.source.name, candidate.user
        # Of a person below no selected OU the key is "", which no department has.
        listed = self.ids.get((source, candidate.rules.department(candidate.position)), "")
        before = user.department if user is not None else ""
        # A held user or department gives and gains nothing.
        if listed and listed != before and (candidate.held or listed in self.held):
            listed = ""
        if listed or not before:
            return listed
        # A person, not this source, put the user into a department that is not this source's.
        department = self.current.get(before)
        is_foreign = department is not None and department.source != source
        return before if is_foreign else ""


class DirectoryService:
    """Who is in service by the directory. It does not depend on the profile."""

    def __init__(self, lifecycle: Lifecycle, now: str) -> None:
        """`now`: RFC 3339."""
        self._lifecycle = lifecycle
        self._rule = lifecycle.on_disabled
        self._now = now

    def standing(self, user: User, candidate: Candidate) -> status.ServiceStatus:
        """The status of a user.

        One who is held, or of whom it is unknown whether the person is disabled, is not put into
        service.
        """
        source = candidate.rules.source.name
        if candidate.disabled:
            over = grace.is_over(user, self._rule, "disabled", self._now)
            action = self._rule.then if over and self._rule.then else self._rule.action
            return status.disabled(user, source, action, self._lifecycle)
        if candidate.held or candidate.disabled is None:
            return status.standing(user)
        return status.enabled(user, source, self._lifecycle)

    def marked(self, user: User, candidate: Candidate) -> User:
        """The user with its grace period, which only a disabled person has.

        It goes on while it is unknown whether the person is disabled.
        """
        if candidate.disabled:
            return grace.marked(user, self._rule, "disabled")
        is_unknown = candidate.disabled is None and user.waiting == "disabled"
        return user if is_unknown else grace.unmarked(user)


def user_id(candidate: Candidate) -> str:
    """The id of the user. That of a new user is valid within the wanted state only."""
    if candidate.user is not None:
        return candidate.user.id
    return f"new user {candidate.rules.source.name} {candidate.position}"


def supply(
    accounts: WantedUsers,
    candidates: Iterable[Candidate],
    lifecycle: Lifecycle,
    placing: DepartmentPlacement,
    now: str,
) -> None:
    """Adds the users of the candidates, without their managers.

    `now` (RFC 3339) decides which grace periods are over.
    """
    service = DirectoryService(lifecycle, now)
    for candidate in candidates:
        source, user = candidate.rules.source.name, candidate.user
        if user is None:
            user = User(user_id(candidate), candidate.username, status_origin=source, source=source)
            accounts.reasons[user.id] = candidate.rules.why(candidate.position)
        elif candidate.why:
            accounts.reasons[user.id] = candidate.why
        accounts.users[user.id] = _supplied(user, candidate, placing.of(candidate), service)


def _supplied(user: User, candidate: Candidate, department: str, service: DirectoryService) -> User:
    """The user with the candidate's profile, status and department; the same object if equal."""
    person, values, source = candidate.person, candidate.values, candidate.rules.source.name
    state, origin, cause, before = service.standing(user, candidate)
    # Most persons are enabled and never were anything else.
    waiting = user
    if candidate.disabled or user.departed_at:
        waiting = service.marked(user, candidate)
    wanted = User(
        id=user.id,
        username=candidate.username,
        first_name=user.first_name if values.first_name is None else values.first_name,
        last_name=user.last_name if values.last_name is None else values.last_name,
        email=user.email if values.email is None else values.email,
        status=state,
        status_origin=origin,
        status_cause=cause,
        status_before=before,
        departed=waiting.departed,
        departed_at=waiting.departed_at,
        source=source,
        external_id=same_id(user.external_id, person.external_id),
        dn=dn.respelt(user.dn, person.dn),
        department=department,
        manager=user.manager,
        attributes=_merged(user.attributes, candidate.attributes),
    )
    return user if wanted == user else wanted


def _merged(attributes: dict[str, str], changed: Mapping[str, str | None]) -> dict[str, str]:
    """The attributes with those that the directory changes; None removes one.

    The same object if nothing changes.
    """
    if not changed:
        return attributes
    merged: dict[str, str | None] = {**attributes, **changed}
    return {field: text for field, text in merged.items() if text is not None}


def same_id(known: str, read: str) -> str:
    """The external id to keep: the known one if it was read in another case, or not read at all."""
    return known if not read or read.lower() == known.lower() else read


UnclearManager = tuple[SourceRules, str, str]
"""The rules of a source, a manager as it is written, and the DN of a person who has it."""


def assign_managers(
    accounts: WantedUsers,
    candidates: Iterable[Candidate],
    followers: Mapping[str, Mapping[int, str]],
    people: Mapping[str, SourcePeople],
) -> list[UnclearManager]:
    """Sets managers if the source names them.

    `followers`: source → position of a person → id of its user, for all who follow the directory;
    the users of others are in `people`.

    A manager who is not a user clears the field, if it is cleared with the directory. A source
    without a manager attribute does not touch it, and neither does a held profile. Of several
    managers the current one stays. A name that can mean several persons leaves the field alone,
    too, and is returned.
    """
    managers = _Managers(accounts, followers, people)
    for candidate in candidates:
        if candidate.person.manager is None or candidate.held:
            continue
        user = accounts.users[user_id(candidate)]
        possible = managers.of(candidate)
        manager = possible[0]
        if user.manager and user.manager in possible:
            manager = user.manager
        if manager is None or manager == user.manager:
            continue
        if manager or candidate.rules.source.users.clears("manager"):
            accounts.users[user.id] = msgspec.structs.replace(user, manager=manager)
    _clear_erased_managers(accounts)
    return managers.unclear


class _Managers:
    """The users that managers of persons mean; each name is looked up once for a source."""

    def __init__(
        self,
        accounts: WantedUsers,
        followers: Mapping[str, Mapping[int, str]],
        people: Mapping[str, SourcePeople],
    ) -> None:
        self.unclear: list[UnclearManager] = []
        self._accounts = accounts
        self._followers = followers
        self._people = people
        self._ids: dict[tuple[str, str], str | None] = {}

    def of(self, candidate: Candidate) -> list[str | None]:
        """User ids of the person's managers: "" for one who is no user, None for an unclear one."""
        person, source = candidate.person, candidate.rules.source.name
        names = person.managers or (person.manager or "",)
        for name in names:
            if (source, name) not in self._ids:
                self._ids[source, name] = self._looked_up(candidate, name)
        return [self._ids[source, name] for name in names]

    def _looked_up(self, candidate: Candidate, name: str) -> str | None:
        """The user that a name of a manager means in the source of the person."""
        rules = candidate.rules
        position = rules.index.position(name)
        if position < 0 and rules.index.several_persons(name):
            self.unclear.append((rules, name, candidate.person.dn))
            return None
        manager = self._user_at(rules.source.name, position)
        is_wanted = manager in self._accounts.users and manager not in self._accounts.erased
        return manager if is_wanted else ""

    def _user_at(self, source: str, position: int) -> str:
        """The id of the user of a person, whether it follows the directory or not; "" for none."""
        follower = self._followers.get(source, {}).get(position)
        if follower is not None:
            return follower
        user = self._people[source].matched.get(position)
        return user.id if user is not None else ""


def _clear_erased_managers(accounts: WantedUsers) -> None:
    """An erased user manages no user."""
    if not accounts.erased:
        return
    for user in list(accounts.users.values()):
        if user.manager in accounts.erased:
            accounts.users[user.id] = msgspec.structs.replace(user, manager="")
