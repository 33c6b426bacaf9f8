"""The person who logs in, and the users of the platform who may be that person."""

from collections.abc import Callable

import msgspec

from reconcile.model.desired import Source
from reconcile.model.directory import DirectorySnapshot, Person
from reconcile.model.identity import by_id
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.model.text.references import References
from reconcile.planning.login.login_names import living
from reconcile.planning.planner import Inputs
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import profiles
from reconcile.planning.target.people.facts import agrees, person_facts
from reconcile.planning.target.profiles import Refused


def only(inputs: Inputs) -> tuple[Source, DirectorySnapshot]:
    """The source of a login and its snapshot, which holds one person."""
    (snapshot,) = inputs.snapshots
    (source,) = (source for source in inputs.desired.sources if source.name == snapshot.source)
    return source, snapshot


def is_excluded(inputs: Inputs) -> bool:
    """Whether the one person of the snapshot is on the source's `exclude` list."""
    source, snapshot = only(inputs)
    users = msgspec.structs.replace(source.users, require_groups=())
    bare_source = msgspec.structs.replace(source, users=users)
    bare = msgspec.structs.replace(inputs.desired, role_mappings=(), groups=(), departments=())
    return SourceRules(bare, bare_source, snapshot, login=True).excluded(0)


class _Person:
    """The person who logs in, by all that a user may have in common with it."""

    def __init__(self, source: Source, snapshot: DirectorySnapshot) -> None:
        self._source = source
        self._person = snapshot.persons[0]
        self._id = self._person.external_id.lower()
        self._facts = person_facts(source.users, self._person, dn.key(self._person.dn))
        self.has_dn = _same_place(snapshot, self._person.dn)

    def has_id(self, user: User) -> bool:
        """Whether the user has the person's id."""
        return bool(user.external_id) and user.external_id.lower() == self._id

    def is_similar(self, user: User) -> bool:
        """Whether a user shares a fact with the person, or has its DN in some spelling."""
        return agrees(user, self._facts) or bool(user.dn and self.has_dn(user.dn))

    def names(self, inputs: Inputs) -> set[str]:
        """Folded: the username and login name, and the users that links of the source name."""
        try:
            username = profiles.username(self._source.users, self._person)
        except Refused:
            username = ""
        names = {fold_name(username), fold_name(self._person.identifier)}
        for link in inputs.desired.links:
            if link.kind == "user" and link.source == self._source.name:
                names.add(fold_name(link.name))
        return names


def _same_place(snapshot: DirectorySnapshot, name: str) -> Callable[[str], bool]:
    """A function that says whether a DN can mean the same entry on this or another server."""
    wide = dn.wide(dn.key(name), snapshot.folding)
    return lambda other: dn.wide(dn.key(other), snapshot.folding) == wide


def doubtful(inputs: Inputs) -> tuple[set[str], set[str]]:
    """Other users who have a fact in common with this person: external ids, otherwise DNs.

    The caller looks up whether the directory still has them: the person can only get the account of
    a user whose entry is gone.
    """
    source, snapshot = only(inputs)
    (current,) = inputs.current
    person = _Person(source, snapshot)
    external_ids: set[str] = set()
    dns: set[str] = set()
    for user in living(current, source):
        if person.has_id(user) or not person.is_similar(user):
            continue
        if user.external_id:
            external_ids.add(user.external_id)
        elif user.dn and not person.has_dn(user.dn):
            dns.add(user.dn)
    return external_ids, dns


def concerned(inputs: Inputs, manager: str | None) -> PlatformState:
    """The state with only the users that this login is about: a company has thousands of users.

    These are the users with the person's id, names or facts, of any source, those that links name,
    and their managers. `manager` is the id of the person's manager.
    """
    source, snapshot = only(inputs)
    (current,) = inputs.current
    person = _Person(source, snapshot)
    names = person.names(inputs)

    def is_concerned(user: User) -> bool:
        if person.has_id(user) or fold_name(user.username) in names:
            return True
        return user.source == source.name and person.is_similar(user)

    near = by_id(filter(is_concerned, current.users))
    managers = {user.manager for user in near.values()} | {manager}
    near |= by_id(user for user in current.users if user.id in managers)
    return msgspec.structs.replace(
        current,
        users=tuple(near.values()),
        memberships=tuple(link for link in current.memberships if link.user in near),
        grants=tuple(grant for grant in current.grants if grant.user in near),
    )


def manager_of(
    person: Person, source: Source, snapshot: DirectorySnapshot, current: PlatformState
) -> str | None:
    """The id of the manager's user; "" for no manager, None if that is left to a run."""
    if not person.manager:
        return person.manager
    users: dict[str, str] = {}
    for user in current.users:
        if user.source == source.name and user.dn:
            users[dn.key(user.dn)] = user.id
    return users.get(References((users,), snapshot.folding).only(dn.key(person.manager)))


def with_manager(
    state: PlatformState, manager: str | None, username: str, source: Source
) -> PlatformState:
    """The wanted state with the manager of the person whose user has a name."""
    if not username or manager is None:
        return state
    users = list(state.users)
    for at, user in enumerate(users):
        if user.username == username and user.source == source.name:
            users[at] = msgspec.structs.replace(user, manager=manager)
    return msgspec.structs.replace(state, users=tuple(users))
