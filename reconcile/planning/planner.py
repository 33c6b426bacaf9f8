"""From everything that was read to a plan."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.model.change import Change, Digests, Existing, Plan, Scope, Skip, Violation
from reconcile.model.desired import DesiredState, Link
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.history import Losses
from reconcile.model.notice import LeftOut, Notice
from reconcile.model.platform import Abilities, PlatformState, Reading
from reconcile.model.text import dn
from reconcile.model.text.digest import digest
from reconcile.model.text.references import References
from reconcile.planning import role_notices, state_notices
from reconcile.planning.abilities import within
from reconcile.planning.changes import narrow
from reconcile.planning.changes.consequences import with_consequences
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.guards import checks, source_health
from reconcile.planning.guards.assertions import assertion_check
from reconcile.planning.left_out import left_out
from reconcile.planning.notices import empty_groups, finds_nothing, nobody_selected
from reconcile.planning.selection import source_names
from reconcile.planning.selection.platform_names import PlatformNames
from reconcile.planning.selection.platform_rules import refuse_impossible_rules
from reconcile.planning.selection.rule_counts import RuleCount, in_sources
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.departures import grace_periods
from reconcile.planning.target.target_state import TargetState, target_state

_NOTHING: Final[Losses] = {}


class Inputs(msgspec.Struct, frozen=True):
    """Everything a plan is made from.

    `configuration` is the digest of the desired state, `created` the time in RFC 3339. `snapshots`
    are those of the sources that were read, `current` has one state for each workspace.
    """

    desired: DesiredState
    configuration: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    scope: Scope
    snapshots: tuple[DirectorySnapshot, ...]
    current: tuple[PlatformState, ...]
    abilities: Abilities
    tool: str
    created: str
    recent: Mapping[str, Losses] = {}
    """Workspace → what earlier runs took away within the window."""
    used: Mapping[str, Collection[Link]] = {}
    """Workspace → the links that a run has already followed."""


def workspace_target(
    inputs: Inputs, rules: Sequence[SourceRules], current: PlatformState
) -> TargetState:
    """What is wanted in one workspace of the inputs. Raises RulesRefused."""
    used = inputs.used.get(current.workspace, ())
    result = target_state(inputs.desired, rules, current, inputs.abilities, inputs.created, used)
    able = within(inputs.abilities, current, result.state)
    result.state = able.state
    result.skips += able.skips
    return result


def unmatched_users(
    snapshot: DirectorySnapshot, current: Iterable[PlatformState]
) -> tuple[set[str], set[str]]:
    """The users of a source whose person the snapshot does not have.

    Returns their external ids, and the DNs of those without one. Both have to be looked up in the
    directory without any filter, to distinguish people out of scope from missing people.
    """
    as_written = {person.external_id for person in snapshot.persons} - {""}
    left = [
        user
        for state in current
        for user in state.users
        if user.external_id not in as_written and user.source == snapshot.source
    ]
    living = [user for user in left if user.status != "erased"]
    folded = {external_id.lower() for external_id in as_written} if living else set()
    unread = [user for user in living if user.external_id.lower() not in folded]
    external_ids = {user.external_id for user in unread} - {""}
    by_dn = {user.dn for user in unread if not user.external_id} - {""}
    return external_ids, _not_read(snapshot, by_dn)


def _not_read(snapshot: DirectorySnapshot, names: set[str]) -> set[str]:
    """The DNs that do not stand for exactly one person of the snapshot."""
    if not names:
        return set()
    keys = {dn.key(person.dn) for person in snapshot.persons}
    persons = References((keys,), snapshot.folding, snapshot.lookalikes)
    return {name for name in names if not persons.only(dn.key(name))}


def make_plan(inputs: Inputs) -> Plan:
    """The plan, with notices such as rules that find nothing.

    Raises RulesRefused for rules that contradict the directory or that the platform cannot follow,
    UsageError for a target that does not exist.
    """
    refuse_impossible(inputs)
    rules = source_rules(inputs)
    changes: list[Change] = []
    skips: list[Skip] = []
    results = [workspace_target(inputs, rules, current) for current in inputs.current]
    names = PlatformNames(inputs.desired)
    for current, result in zip(inputs.current, results, strict=True):
        names.add(current)
        names.add(result.state)
        changes += ordered(diff(current, result.state, result.reasons))
        skips += sorted(result.skips)
    targets, without_user = inputs.scope.targets, all_left_out(inputs, rules, results)
    narrow.check(targets, changes, skips, without_user, inputs.current)
    narrowed = narrow.narrow(tuple(changes), targets)
    read = readings(inputs, rules)
    asserted = assertion_check.judged(inputs.desired.assertions, narrowed, inputs.current)
    noted = notices(inputs, rules, names, results)
    plan = Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=inputs.scope,
        digests=_digests(inputs),
        changes=narrowed,
        skips=narrow.narrow_skips(tuple(skips), targets),
        violations=(
            *check_guards(inputs, narrowed, rules, read),
            *assertion_check.violations(asserted),
        ),
        # A plan narrowed to targets counts nothing, and is no reason to remember a read.
        existing=() if targets else tuple(_existing(inputs)),
        readings=read,
        to_remember=() if targets else tuple(workspaces_to_remember(inputs.current, read)),
        notices=(
            *noted,
            *role_notices.new_roles(inputs.desired, narrowed, inputs.current),
            *_unused_roles(inputs, results, noted),
            *assertion_check.notices(asserted),
        ),
        left_out=narrow.narrow_left_out(without_user, targets),
        grace=tuple(grace_periods(inputs.desired.lifecycle)),
    )
    return with_consequences(plan, inputs.abilities)


def all_left_out(
    inputs: Inputs, rules: Sequence[SourceRules], results: Iterable[TargetState]
) -> tuple[LeftOut, ...]:
    """The persons of all workspaces who get no user because of a rule."""
    workspaces = (state.workspace for state in inputs.current)
    return tuple(
        each
        for workspace, result in zip(workspaces, results, strict=True)
        for each in left_out(workspace, rules, result)
    )


def _unused_roles(
    inputs: Inputs, results: Iterable[TargetState], noted: Iterable[Notice]
) -> Iterator[Notice]:
    """The roles that nobody has afterwards; a plan of a part does not know.

    Rules that are `noted` because they find nothing, or select nobody, give no role anyway.
    """
    noted = list(noted)
    selects_nobody = any(notice.code == "nobody_selected" for notice in noted)
    if inputs.scope.targets or inputs.scope.sources or selects_nobody:
        return
    wanted = [result.state for result in results]
    implied = inputs.abilities.implied_role
    finds_nothing_rules = {
        notice.path.partition(".")[0] for notice in noted if notice.code == "finds_nothing"
    }
    for notice in role_notices.unused_roles(inputs.desired, inputs.current, wanted, implied):
        if notice.path.partition(".")[0] not in finds_nothing_rules:
            yield notice


def _digests(inputs: Inputs) -> Digests:
    """What the plan was made from: it is stale once any of it is another."""
    return Digests(
        configuration=inputs.configuration,
        sources={snapshot.source: digest(snapshot) for snapshot in inputs.snapshots},
        current=state_digests(inputs.current),
    )


def notices(
    inputs: Inputs,
    rules: Sequence[SourceRules],
    names: PlatformNames | None = None,
    results: Sequence[TargetState] = (),
) -> tuple[Notice, ...]:
    """What a reader should know, though it prevents nothing; each once for all workspaces.

    Without `names`, rules about the platform are not looked at. `results` are what is wanted in
    each workspace.
    """
    desired = inputs.desired
    all_notices = (
        *finds_nothing(in_sources(desired, rules)),
        *finds_nothing(names.counts() if names is not None else ()),
        *nobody_selected(desired, (rule.source.name for rule in rules)),
        *empty_groups(rules),
        *source_names.hints(desired.sources, inputs.current),
        *state_notices.idle_links(desired, results),
        *state_notices.shared_addresses(results),
        *state_notices.no_administrator(desired, inputs.current if results else ()),
    )
    return tuple(dict.fromkeys(all_notices))


def rule_counts(inputs: Inputs) -> list[RuleCount]:
    """How much each pattern finds; those of `safety` only if a workspace was read."""
    rules = source_rules(inputs)
    names = PlatformNames(inputs.desired)
    for current in inputs.current:
        names.add(current)
        names.add(workspace_target(inputs, rules, current).state)
    return [*in_sources(inputs.desired, rules), *(names.counts() if inputs.current else ())]


def readings(inputs: Inputs, rules: Iterable[SourceRules]) -> tuple[Reading, ...]:
    """How much each source held, by its name.

    Members that were asked for and are not known count as last time. So a loss while they are not
    known, or when they are known again, is still a loss.
    """
    last = _members_at_last_read(inputs.current)
    read: list[Reading] = []
    for rule in sorted(rules, key=lambda rule: rule.source.name):
        reading = source_health.reading(inputs.desired, rule.source, rule.index.snapshot)
        if reading.groups is not None and reading.members is None:
            reading = msgspec.structs.replace(reading, members=last.get(reading.source))
        read.append(reading)
    return tuple(read)


def _members_at_last_read(current: Iterable[PlatformState]) -> dict[str, int]:
    """Source → its members at the last good read, the most that a workspace remembers."""
    last: dict[str, int] = {}
    for state in current:
        for reading in state.readings:
            if reading.members is not None:
                last[reading.source] = max(reading.members, last.get(reading.source, 0))
    return last


def check_guards(
    inputs: Inputs,
    changes: tuple[Change, ...],
    rules: Iterable[SourceRules],
    read: tuple[Reading, ...],
) -> Iterator[Violation]:
    """What the guards find in the changes of all workspaces, and what the sources lack."""
    safety, own = inputs.desired.safety, inputs.abilities.own_username
    for state in inputs.current:
        workspace = state.workspace
        in_workspace = [change for change in changes if change.workspace == workspace]
        recent = inputs.recent.get(workspace, _NOTHING)
        yield from checks.violations(in_workspace, state, safety, own, read, recent=recent)
        for rule in rules:
            path = rule.matches.path
            yield from source_health.missing(workspace, rule.source, rule.index, path)
            yield from source_health.missing_groups(workspace, rule)


def workspaces_to_remember(
    current: Iterable[PlatformState], read: tuple[Reading, ...]
) -> Iterator[str]:
    """The workspaces that do not know yet how much the sources hold, or have rows to settle."""
    return (
        state.workspace
        for state in current
        if state.unsettled or not set(read) <= set(state.readings)
    )


def _existing(inputs: Inputs) -> Iterator[Existing]:
    """How many users, departments and groups of each source that was read are on the platform."""
    sources = sorted(snapshot.source for snapshot in inputs.snapshots)
    for state in inputs.current:
        users = Counter(user.source for user in state.living())
        departments = Counter(department.source for department in state.departments)
        groups = Counter(group.source for group in state.groups)
        for name in sources:
            yield Existing(state.workspace, name, users[name], departments[name], groups[name])


def source_rules(inputs: Inputs) -> list[SourceRules]:
    """The rules of each source over its snapshot, in the order of the files."""
    snapshots = {snapshot.source: snapshot for snapshot in inputs.snapshots}
    return [
        SourceRules(inputs.desired, source, snapshots[source.name])
        for source in inputs.desired.sources
        if source.name in snapshots
    ]


def refuse_impossible(inputs: Inputs) -> None:
    """Raises RulesRefused and UsageError as `refuse_impossible_rules`."""
    refuse_impossible_rules(inputs.desired, inputs.current, inputs.abilities)


def state_digests(states: Iterable[PlatformState]) -> dict[str, str]:
    """Workspace → the digest of its state."""
    return {state.workspace: state_digest(state) for state in states}


def state_digest(state: PlatformState) -> str:
    """The digest of a state, whatever the order of its lists."""
    return digest(
        PlatformState(
            state.workspace,
            tuple(sorted(state.sources, key=lambda source: source.name)),
            tuple(sorted(state.departments, key=lambda department: department.id)),
            tuple(sorted(state.groups, key=lambda group: group.id)),
            tuple(sorted(state.users, key=lambda user: user.id)),
            state.roles,
            tuple(sorted(state.memberships)),
            tuple(sorted(state.grants)),
            state.deleted,
            tuple(sorted(state.readings, key=lambda reading: reading.source)),
        )
    )
