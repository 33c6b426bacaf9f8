"""One person logs in: by which source, under which names, and what the rules say of the person.

The snapshot of a login holds one person, so no other user of the platform counts as missing or out
of scope. The planner of a run works on it, and its results about other users are ignored. All
groups and OUs are read. If they cannot be trusted (far fewer than at the last good read, or a
required one is missing), no user loses anything because of them.
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
    """What the rules say of one person.

    `user` is the user on the platform. `wanted`: the rules want a user for the person. `skip` is
    why the person cannot be synchronised at present. `plan` brings the user up to date. `doubts`
    are reasons not to trust the groups and OUs that were read.
    """

    username: str
    user: User | None
    wanted: bool
    disabled: bool
    skip: Skip | None
    plan: Plan
    doubts: tuple[Violation, ...] = ()


def source_of(sources: Sequence[Source], typed: str, chosen: str = "") -> Source:
    """The source for a login: the chosen one, the only one, or that of the domain in the name.

    Raises UsageError if that is not exactly one. The users of the platform make no difference.
    """
    if chosen:
        found = [source for source in sources if source.name == chosen]
        if not found:
            declared = ", ".join(source.name for source in sources)
            raise UsageError(f"there is no source {chosen!r}; declared are: {declared}")
        return found[0]
    if not sources:
        raise UsageError("no source is declared: nobody can log in")
    if len(sources) == 1:
        return sources[0]
    domain = typed.rpartition("@")[2].casefold() if "@" in typed else ""
    found = [source for source in sources if domain and _domain(source) == domain]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(
        f"{source.name} ({_domain(source) or 'no domain'})" for source in found or sources
    )
    raise UsageError(
        f"{typed!r} can be of several sources: {listed}."
        " Write user@domain, or name one with --source"
    )


def _domain(source: Source) -> str:
    return dn.domain(source.base_dn).casefold()


def _forms(source: Source, typed: str) -> tuple[str, ...]:
    """The name as it was typed, and without the domain where that is the source's."""
    local, at, domain = typed.rpartition("@")
    return (typed, local) if at and local and domain.casefold() == _domain(source) else (typed,)


def names(source: Source, typed: str, current: PlatformState) -> Names:
    """The names by which the directory may know the person."""
    forms = _forms(source, typed)
    usernames = {fold_name(name) for name in forms}
    if "@" not in typed and _domain(source):
        usernames.add(fold_name(f"{typed}@{_domain(source)}"))
    known = {
        user.external_id
        for user in current.users
        if user.source == source.name
        and user.status != "erased"
        and fold_name(user.username) in usernames
    }
    return Names(typed, forms, tuple(sorted(known - {""})))


def attempts_key(source: Source, typed: str, person: Person | None) -> str:
    """The key under which failed logins are counted.

    A person has one key for all of its names, and so has a name that matches no person. Names that
    a directory does not tell apart (case, width, spaces, invisible characters) have the same key.
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
    """External ids of the other users that share a fact with this person.

    The second set are the DNs of such users without an external id. The caller has to look up
    whether the directory still has them: a person takes over a user only if its entry is gone.
    """
    source, snapshot = _only(inputs)
    (person,), (current,) = snapshot.persons, inputs.current
    facts = matching.person_facts(source.users, person, dn.key(person.dn))
    stands = _place(snapshot, person.dn)
    others = [
        user
        for user in current.users
        if user.source == source.name
        and user.status != "erased"
        and not _is_own(user, person)
        and (matching.agrees(user, facts) or (user.dn and stands(user.dn)))
    ]
    external_ids = {user.external_id for user in others} - {""}
    return external_ids, {
        user.dn for user in others if not user.external_id and user.dn and not stands(user.dn)
    }


def judge(inputs: Inputs) -> Verdict:
    """What the rules say of the only person in `inputs.snapshots`.

    `inputs.current` holds one workspace. Raises UsageError for rules that contradict the directory.
    """
    source, snapshot = _only(inputs)
    (everybody,), person = inputs.current, snapshot.persons[0]
    # Managers are persons too, and not in the snapshot; they are found on the platform.
    manager = _manager(everybody, person, source, snapshot)
    linked = [
        link.name
        for link in inputs.desired.links
        if link.kind == "user" and link.source == source.name
    ]
    current = _concerned(everybody, person, source, manager, linked, _place(snapshot, person.dn))
    alone = msgspec.structs.replace(
        snapshot, persons=(msgspec.structs.replace(person, manager=None),)
    )
    rules = SourceRules(inputs.desired, source, alone, login=True)
    used = inputs.used.get(current.workspace, ())
    people = gather(inputs.desired, [rules], current, inputs.limits, used).people[source.name]
    user = people.matched.get(0)
    result = worked_out(inputs, [rules], current)
    skips = (skip for skip in result.skips if skip.dn == person.dn and skip.code not in ASIDE)
    skip = next(skips, None)
    candidate = people.candidates[0] if people.candidates else None
    # The name on the platform, or the one that the rules give, or the one in the directory.
    new_name = "" if candidate is None else candidate.username
    username = new_name or person.identifier
    if user is not None:
        username = user.username
    state = _with_manager(result.state, manager, new_name, source)
    own = {fold_name(username)}
    if candidate is not None:
        own.add(fold_name(new_name))
    changes = tuple(ordered(diff(current, state, result.reasons)))
    read = source_health.partial_reading(inputs.desired, source, snapshot)
    doubts = (
        *_missing_groups(current.workspace, source, rules),
        *source_health.shrunk(current.workspace, [read], current.readings, inputs.desired.safety),
    )
    scope = Scope(
        (current.workspace,), (source.name,), tuple(f"user:{name}" for name in sorted(own))
    )
    # A user held back by a skip still loses what the directory takes away, as in a plan. A person
    # who cannot be a user has no changes.
    narrowed = narrow.narrow(changes, scope.targets) if result.candidates else ()
    return Verdict(
        username=username,
        user=user,
        wanted=candidate is not None,
        disabled=_disabled(rules),
        skip=skip,
        plan=Plan(
            tool=inputs.tool,
            created=inputs.created,
            files=inputs.files,
            variables=inputs.variables,
            scope=scope,
            digests=Digests(inputs.configuration, {}, {}),
            changes=tuple(change for change in narrowed if _concerns_nobody_else(change, own)),
            violations=() if user is None else doubts,
            readings=() if user is None else (read,),
        ),
        doubts=doubts,
    )


def _missing_groups(workspace: str, source: Source, rules: SourceRules) -> Iterator[Violation]:
    """The required groups that were not read: nothing may be taken away because of them."""
    expect = msgspec.structs.replace(source.expect, persons=())
    return source_health.missing(
        workspace, msgspec.structs.replace(source, expect=expect), rules.index, rules.matches.path
    )


def _only(inputs: Inputs) -> tuple[Source, DirectorySnapshot]:
    (snapshot,) = inputs.snapshots
    return next(
        source for source in inputs.desired.sources if source.name == snapshot.source
    ), snapshot


def _disabled(rules: SourceRules) -> bool:
    """Whether the person is disabled in the directory, or that cannot be decided."""
    try:
        return rules.disabled(0)
    except TemplateFailed:
        return True


def _place(snapshot: DirectorySnapshot, name: str) -> Callable[[str], bool]:
    """Tests whether a DN can name the same entry, as this server or another one compares."""
    wide = dn.wide(dn.key(name), snapshot.folding)
    return lambda other: dn.wide(dn.key(other), snapshot.folding) == wide


def _manager(
    current: PlatformState, person: Person, source: Source, snapshot: DirectorySnapshot
) -> str | None:
    """The id of the manager's user, "" without a manager; None if that is left to a run."""
    if not person.manager:
        return person.manager
    users = {
        dn.key(one.dn): one.id for one in current.users if one.source == source.name and one.dn
    }
    return users.get(References((users,), snapshot.folding).only(dn.key(person.manager)))


def _is_own(user: User, person: Person) -> bool:
    """Whether the user has the person's id."""
    return bool(user.external_id) and user.external_id.lower() == person.external_id.lower()


def _concerned(
    current: PlatformState,
    person: Person,
    source: Source,
    manager: str | None,
    linked: Iterable[str],
    stands: Callable[[str], bool],
) -> PlatformState:
    """The state without the users that this login does not concern: there can be thousands.

    It keeps the users with the person's id, names or facts, of any source, those that links name,
    and their managers.
    """
    try:
        username = profiles.username(source.users, person)
    except Refused:
        username = ""
    names = {fold_name(username), fold_name(person.identifier)} | {
        fold_name(name) for name in linked
    }
    facts = matching.person_facts(source.users, person, dn.key(person.dn))
    near = {
        user.id: user
        for user in current.users
        if _is_own(user, person)
        or fold_name(user.username) in names
        or (
            user.source == source.name
            and (matching.agrees(user, facts) or (user.dn and stands(user.dn)))
        )
    }
    managers = {user.manager for user in near.values()} | {manager}
    near |= {user.id: user for user in current.users if user.id in managers}
    return msgspec.structs.replace(
        current,
        users=tuple(near.values()),
        memberships=tuple(one for one in current.memberships if one.user in near),
        grants=tuple(one for one in current.grants if one.user in near),
    )


def _with_manager(
    state: PlatformState, manager: str | None, username: str, source: Source
) -> PlatformState:
    """The wanted state with the person's manager."""
    if not username or manager is None:
        return state
    users = tuple(
        msgspec.structs.replace(user, manager=manager)
        if user.username == username and user.source == source.name
        else user
        for user in state.users
    )
    return msgspec.structs.replace(state, users=users)


def _concerns_nobody_else(change: Change, own: set[str]) -> bool:
    """Whether the change leaves other users alone: a login may never touch them."""
    if change.kind == "user":
        return fold_name(change.key) in own
    if change.kind in ("grant", "membership"):
        return fold_name(str((change.after or change.before or {}).get("user"))) in own
    return change.action != "delete"
