"""One person logs in: by which source, under which names, and what the rules say of that person.

The snapshot of a login holds one person, so other users are neither missing nor out of scope. The
planner works on it as in a run; what it says of other users is ignored. All groups and OUs are
read. If they cannot be trusted (there are many fewer than at the last good read, or an expected one
is missing), the user loses nothing.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from reconcile.errors import TemplateFailed, UsageError
from reconcile.model.change import ASIDE, Change, Digests, Plan, Scope, Skip, Violation
from reconcile.model.desired import Source
from reconcile.model.directory import DirectorySnapshot, Person
from reconcile.model.login import Names, person_key, whom_key
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.model.text.normalization import normalized
from reconcile.model.text.references import References
from reconcile.planning.changes import narrow
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.guards import source_health
from reconcile.planning.planner import Inputs, worked_out
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import matching, profiles
from reconcile.planning.target.gathering import gather
from reconcile.planning.target.profiles import Refused

_INVISIBLE = frozenset({"Cc", "Cf", "Mn"})


class Verdict(msgspec.Struct):
    """What the rules say. `user` is the one on the platform; `wanted`: there is to be one.

    `skip` says why the person cannot be synchronised at present; `plan` brings the user up to date.
    `doubts` say why the groups and OUs that were read cannot be trusted.
    """

    username: str
    user: User | None
    wanted: bool
    disabled: bool
    skip: Skip | None
    plan: Plan
    doubts: tuple[Violation, ...] = ()


def source_of(sources: Sequence[Source], typed: str, chosen: str = "") -> Source:
    """The source of a login: the chosen one, the only one, or that of the domain in the name.

    Raises UsageError if that is not exactly one; the platform's users make no difference.
    """
    if chosen:
        return _chosen_source(sources, chosen)
    if not sources:
        raise UsageError("no source is declared: nobody can log in")
    if len(sources) == 1:
        return sources[0]
    domain = typed.rpartition("@")[2].casefold() if "@" in typed else ""
    of_domain = [source for source in sources if domain and _domain(source) == domain]
    if len(of_domain) == 1:
        return of_domain[0]
    possible = of_domain or sources
    listed = ", ".join(f"{source.name} ({_domain(source) or 'no domain'})" for source in possible)
    raise UsageError(
        f"{typed!r} can be of several sources: {listed}. Write user@domain, or name one with"
        " --source"
    )


def _chosen_source(sources: Sequence[Source], chosen: str) -> Source:
    """The source of a name. Raises UsageError if there is none."""
    for source in sources:
        if source.name == chosen:
            return source
    declared = ", ".join(source.name for source in sources)
    raise UsageError(f"there is no source {chosen!r}; declared are: {declared}")


def _domain(source: Source) -> str:
    return dn.domain(source.base_dn).casefold()


def _forms(source: Source, typed: str) -> tuple[str, ...]:
    """The name as it was typed, and without the domain if that is the source's."""
    local, at, domain = typed.rpartition("@")
    if at and local and domain.casefold() == _domain(source):
        return typed, local
    return (typed,)


def names(source: Source, typed: str, current: PlatformState) -> Names:
    """The names and ids by which the directory may know the person."""
    forms = _forms(source, typed)
    usernames = {fold_name(name) for name in forms}
    if "@" not in typed and _domain(source):
        usernames.add(fold_name(f"{typed}@{_domain(source)}"))
    users = (user for user in _living(current, source) if fold_name(user.username) in usernames)
    known = {user.external_id for user in users}
    return Names(typed, forms, tuple(sorted(known - {""})))


def _living(current: PlatformState, source: Source) -> Iterator[User]:
    """The users of a source that are not erased."""
    for user in current.users:
        if user.source == source.name and user.status != "erased":
            yield user


def attempts_key(source: Source, typed: str, person: Person | None) -> str:
    """The key under which failures count: one for a person, whichever name is typed.

    A name that matches no person has a key, too. Names that a directory treats as the same (case,
    width, spaces, invisible characters) share it.
    """
    if person is not None:
        return person_key(source.name, person.external_id, person.dn)
    folded = normalized("NFKD", normalized("NFKC", _forms(source, typed)[-1]).casefold())
    seen = "".join(char for char in folded if unicodedata.category(char) not in _INVISIBLE)
    return whom_key(source.name, "name\0" + " ".join(seen.split()))


def is_excluded(inputs: Inputs) -> bool:
    """Whether the one person of the snapshot is on the source's `exclude` list."""
    source, snapshot = _only(inputs)
    users = msgspec.structs.replace(source.users, require_groups=())
    bare = msgspec.structs.replace(inputs.desired, role_mappings=(), groups=(), departments=())
    return SourceRules(
        bare, msgspec.structs.replace(source, users=users), snapshot, login=True
    ).excluded(0)


def doubtful(inputs: Inputs) -> tuple[set[str], set[str]]:
    """Other users who have a fact in common with this person: external ids, otherwise DNs.

    The caller looks up whether the directory still has them: the person can only get the account of
    a user whose entry is gone.
    """
    source, snapshot = _only(inputs)
    (person,), (current,) = snapshot.persons, inputs.current
    facts = matching.person_facts(source.users, person, dn.key(person.dn))
    has_dn = _place(snapshot, person.dn)
    external_ids: set[str] = set()
    dns: set[str] = set()
    for user in _living(current, source):
        if _is_own(user, person) or not _is_similar(user, facts, has_dn):
            continue
        if user.external_id:
            external_ids.add(user.external_id)
        elif user.dn and not has_dn(user.dn):
            dns.add(user.dn)
    return external_ids, dns


def _is_similar(user: User, facts: matching.Facts, has_dn: Callable[[str], bool]) -> bool:
    """Whether a user shares a fact with a person, or has its DN in some spelling."""
    return matching.agrees(user, facts) or bool(user.dn and has_dn(user.dn))


def judge(inputs: Inputs) -> Verdict:
    """What the rules say of the person in `inputs.snapshots`, in the workspace of `inputs.current`.

    Both hold exactly one. Raises UsageError for rules that contradict the directory.
    """
    source, snapshot = _only(inputs)
    (everybody,), person = inputs.current, snapshot.persons[0]
    # Managers are persons, too, and not in the snapshot; they are found on the platform.
    manager = _manager(everybody, person, source, snapshot)
    current = _concerned(everybody, inputs, manager)
    without_manager = msgspec.structs.replace(person, manager=None)
    alone = msgspec.structs.replace(snapshot, persons=(without_manager,))
    rules = SourceRules(inputs.desired, source, alone, login=True)
    used = inputs.used.get(current.workspace, ())
    people = gather(inputs.desired, [rules], current, inputs.abilities, used).people[source.name]
    user = people.matched.get(0)
    candidate = people.candidates[0] if people.candidates else None
    wanted_name = candidate.username if candidate is not None else ""
    username = user.username if user is not None else wanted_name or person.identifier
    # The planner works as in a run. Of its changes only the person's own are kept.
    result = worked_out(inputs, [rules], current)
    state = _with_manager(result.state, manager, wanted_name, source)
    changes = tuple(ordered(diff(current, state, result.reasons)))
    own = {fold_name(name) for name in (username, wanted_name) if name}
    targets = tuple(f"user:{name}" for name in sorted(own))
    # A held user loses what the directory takes away, as in a plan. A person who cannot be a user
    # has no part in the result.
    narrowed = narrow.narrow(changes, targets) if result.candidates else ()
    read = source_health.partial_reading(inputs.desired, source, snapshot)
    doubts = (
        *_missing_groups(current.workspace, source, rules),
        *source_health.shrunk(current.workspace, [read], current.readings, inputs.desired.safety),
    )
    plan = Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=Scope((current.workspace,), (source.name,), targets),
        digests=Digests(inputs.configuration, {}, {}),
        changes=tuple(change for change in narrowed if _concerns_only(change, own)),
        violations=() if user is None else doubts,
        readings=() if user is None else (read,),
    )
    return Verdict(
        username=username,
        user=user,
        wanted=candidate is not None,
        disabled=_disabled(rules),
        skip=_skip_of(person, result.skips),
        plan=plan,
        doubts=doubts,
    )


def _skip_of(person: Person, skips: Iterable[Skip]) -> Skip | None:
    """Why the person cannot be synchronised; None if it can."""
    own = (skip for skip in skips if skip.dn == person.dn and skip.code not in ASIDE)
    return next(own, None)


def _missing_groups(workspace: str, source: Source, rules: SourceRules) -> Iterator[Violation]:
    """The expected groups that are missing: what the user has by them is not taken away."""
    expect = msgspec.structs.replace(source.expect, persons=())
    return source_health.missing(
        workspace, msgspec.structs.replace(source, expect=expect), rules.index, rules.matches.path
    )


def _only(inputs: Inputs) -> tuple[Source, DirectorySnapshot]:
    (snapshot,) = inputs.snapshots
    sources = (source for source in inputs.desired.sources if source.name == snapshot.source)
    return next(sources), snapshot


def _disabled(rules: SourceRules) -> bool:
    """Whether the person is disabled in the directory, or that is unknown."""
    try:
        return rules.disabled(0)
    except TemplateFailed:
        return True


def _place(snapshot: DirectorySnapshot, name: str) -> Callable[[str], bool]:
    """A function that says whether a DN can mean the same entry on this or another server."""
    wide = dn.wide(dn.key(name), snapshot.folding)
    return lambda other: dn.wide(dn.key(other), snapshot.folding) == wide


def _manager(
    current: PlatformState, person: Person, source: Source, snapshot: DirectorySnapshot
) -> str | None:
    """The id of the manager's user; "" for no manager, None if that is left to a run."""
    if not person.manager:
        return person.manager
    own = (user for user in current.users if user.source == source.name and user.dn)
    users = {dn.key(user.dn): user.id for user in own}
    return users.get(References((users,), snapshot.folding).only(dn.key(person.manager)))


def _is_own(user: User, person: Person) -> bool:
    """Whether the user has the person's id."""
    return bool(user.external_id) and user.external_id.lower() == person.external_id.lower()


def _concerned(current: PlatformState, inputs: Inputs, manager: str | None) -> PlatformState:
    """The state with only the users that this login is about: a company has thousands of users.

    These are the users with the person's id, names or facts, of any source, those that links name,
    and their managers. `manager` is the id of the person's manager.
    """
    source, snapshot = _only(inputs)
    person = snapshot.persons[0]
    names = _names_of_interest(inputs, source, person)
    facts = matching.person_facts(source.users, person, dn.key(person.dn))
    has_dn = _place(snapshot, person.dn)

    def is_concerned(user: User) -> bool:
        if _is_own(user, person) or fold_name(user.username) in names:
            return True
        return user.source == source.name and _is_similar(user, facts, has_dn)

    near = {user.id: user for user in current.users if is_concerned(user)}
    managers = {user.manager for user in near.values()} | {manager}
    near |= {user.id: user for user in current.users if user.id in managers}
    memberships = (membership for membership in current.memberships if membership.user in near)
    return msgspec.structs.replace(
        current,
        users=tuple(near.values()),
        memberships=tuple(memberships),
        grants=tuple(grant for grant in current.grants if grant.user in near),
    )


def _names_of_interest(inputs: Inputs, source: Source, person: Person) -> set[str]:
    """Folded: the person's username and login name, and the users that links of the source name."""
    try:
        username = profiles.username(source.users, person)
    except Refused:
        username = ""
    names = {fold_name(username), fold_name(person.identifier)}
    for link in inputs.desired.links:
        if link.kind == "user" and link.source == source.name:
            names.add(fold_name(link.name))
    return names


def _with_manager(
    state: PlatformState, manager: str | None, username: str, source: Source
) -> PlatformState:
    """The wanted state with the person's manager."""
    if not username or manager is None:
        return state
    users = list(state.users)
    for at, user in enumerate(users):
        if user.username == username and user.source == source.name:
            users[at] = msgspec.structs.replace(user, manager=manager)
    return msgspec.structs.replace(state, users=tuple(users))


def _concerns_only(change: Change, own: set[str]) -> bool:
    """Whether a change is about the person alone: a login touches no other user."""
    if change.kind == "user":
        return fold_name(change.key) in own
    if change.kind in ("grant", "membership"):
        return fold_name(str((change.after or change.before or {}).get("user"))) in own
    return change.action != "delete"
