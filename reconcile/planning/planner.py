"""From everything that was read to a plan."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from reconcile.errors import RulesRefused
from reconcile.model.change import Change, Digests, Existing, Plan, Scope, Skip, Violation
from reconcile.model.desired import DesiredState, Link
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.history import Losses
from reconcile.model.notice import Notice
from reconcile.model.platform import Limits, PlatformState, Reading
from reconcile.model.text import dn
from reconcile.model.text.digest import digest
from reconcile.model.text.references import References
from reconcile.planning import state_notices
from reconcile.planning.changes import narrow
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.guards import checks, source_health
from reconcile.planning.notices import finds_nothing, nobody_selected
from reconcile.planning.selection import source_names
from reconcile.planning.selection.rule_counts import PlatformNames, RuleCount, in_sources
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.target_state import Wanted, wanted


class Inputs(msgspec.Struct, frozen=True):
    """Everything a plan is made from.

    `configuration` is the digest of the desired state, `created` the time in RFC 3339. `snapshots`
    are those of the sources that were read, `current` one state for each workspace.
    """

    desired: DesiredState
    configuration: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    scope: Scope
    snapshots: tuple[DirectorySnapshot, ...]
    current: tuple[PlatformState, ...]
    limits: Limits
    tool: str
    created: str
    lately: Mapping[str, Losses] = {}
    """Of each workspace what runs took away of late."""
    used: Mapping[str, Collection[Link]] = {}
    """Of each workspace the links that a run has followed already."""


def worked_out(inputs: Inputs, rules: Sequence[SourceRules], current: PlatformState) -> Wanted:
    """What is wanted in one workspace of the inputs. Raises RulesRefused."""
    used = inputs.used.get(current.workspace, ())
    return wanted(inputs.desired, rules, current, inputs.limits, inputs.created, used)


def lost(
    snapshot: DirectorySnapshot, current: Iterable[PlatformState]
) -> tuple[set[str], set[str]]:
    """External ids, and DNs of users without one, that the platform has from this source and the snapshot has not.

    They are to be looked up in the directory without any filter, to tell who is out of scope from
    who is missing.
    """
    read_ids = {person.external_id.lower() for person in snapshot.persons} - {""}
    persons: References | None = None
    external_ids: set[str] = set()
    dns: set[str] = set()
    for state in current:
        for user in state.users:
            if (
                user.source != snapshot.source
                or user.status == "erased"
                or user.external_id.lower() in read_ids
            ):
                continue
            if user.external_id:
                external_ids.add(user.external_id)
            elif user.dn:
                if persons is None:
                    persons = References(
                        ({dn.key(person.dn) for person in snapshot.persons},),
                        snapshot.folding,
                        snapshot.lookalikes,
                    )
                if not persons.only(dn.key(user.dn)):
                    dns.add(user.dn)
    return external_ids, dns


def make(inputs: Inputs) -> Plan:
    """The plan, with notices such as rules that find nothing.

    Raises RulesRefused for rules that contradict the directory or that the platform cannot follow,
    UsageError for a target that is nowhere.
    """
    refuse_impossible(inputs)
    rules = source_rules(inputs)
    changes: list[Change] = []
    skips: list[Skip] = []
    results = [worked_out(inputs, rules, current) for current in inputs.current]
    names = PlatformNames(inputs.desired)
    for current, result in zip(inputs.current, results, strict=True):
        names.add(current)
        names.add(result.state)
        changes += ordered(diff(current, result.state, result.reasons))
        skips += sorted(result.skips)
    narrow.check(inputs.scope.targets, changes, skips, inputs.current)
    narrowed = narrow.narrow(tuple(changes), inputs.scope.targets)
    read = readings(inputs, rules)
    return Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=inputs.scope,
        digests=Digests(
            configuration=inputs.configuration,
            sources={snapshot.source: digest(snapshot) for snapshot in inputs.snapshots},
            current={state.workspace: state_digest(state) for state in inputs.current},
        ),
        changes=narrowed,
        skips=narrow.narrow_skips(tuple(skips), inputs.scope.targets),
        violations=tuple(judged(inputs, narrowed, rules, read)),
        existing=() if inputs.scope.targets else tuple(_existing(inputs)),
        readings=read,
        to_remember=() if inputs.scope.targets else tuple(_news(inputs.current, read)),
        notices=notices(inputs, rules, names, results),
    )


def notices(
    inputs: Inputs,
    rules: Sequence[SourceRules],
    names: PlatformNames | None = None,
    results: Sequence[Wanted] = (),
) -> tuple[Notice, ...]:
    """What a reader should know, though it hinders nothing; each once for all workspaces.

    Without `names`, nothing is said of the rules that are about the platform. `results` are what
    is wanted in each workspace.
    """
    desired = inputs.desired
    found = (
        *finds_nothing(in_sources(desired, rules)),
        *finds_nothing(names.counts() if names is not None else ()),
        *nobody_selected(desired, (one.source.name for one in rules)),
        *source_names.hints(desired.sources, inputs.current),
        *state_notices.idle_links(desired, results),
        *state_notices.shared_addresses(results),
        *state_notices.no_administrator(desired, inputs.current if results else ()),
    )
    return tuple(dict.fromkeys(found))


def rule_counts(inputs: Inputs) -> list[RuleCount]:
    """How much each pattern finds; those of `safety` only if a workspace was read."""
    rules = source_rules(inputs)
    names = PlatformNames(inputs.desired)
    for current in inputs.current:
        names.add(current)
        names.add(worked_out(inputs, rules, current).state)
    return [*in_sources(inputs.desired, rules), *(names.counts() if inputs.current else ())]


def readings(inputs: Inputs, rules: Iterable[SourceRules]) -> tuple[Reading, ...]:
    """How much each source held, by its name.

    Members that were asked for and are not known count as last time, so that a loss while they are
    not known, or when they are known again, is still one.
    """
    last: dict[str, int] = {}
    for before in (before for state in inputs.current for before in state.readings):
        if before.members is not None:
            last[before.source] = max(before.members, last.get(before.source, 0))
    found = []
    for one in sorted(rules, key=lambda one: one.source.name):
        read = source_health.reading(inputs.desired, one.source, one.index.snapshot)
        if read.groups is not None and read.members is None:
            read = msgspec.structs.replace(read, members=last.get(read.source))
        found.append(read)
    return tuple(found)


def judged(
    inputs: Inputs,
    changes: tuple[Change, ...],
    rules: Iterable[SourceRules],
    read: tuple[Reading, ...],
) -> Iterator[Violation]:
    """What the guards find in the changes of all workspaces, and what is missing in the sources."""
    for state in inputs.current:
        own = [change for change in changes if change.workspace == state.workspace]
        lately = inputs.lately.get(state.workspace, {})
        yield from checks.violations(
            own, state, inputs.desired.safety, inputs.limits.own_username, read, lately=lately
        )
        for one in rules:
            yield from source_health.missing(
                state.workspace, one.source, one.index, one.matches.path
            )


def _news(current: Iterable[PlatformState], read: tuple[Reading, ...]) -> Iterator[str]:
    """The workspaces that do not know yet how much the sources hold."""
    return (state.workspace for state in current if not set(read) <= set(state.readings))


def _existing(inputs: Inputs) -> Iterator[Existing]:
    for state in inputs.current:
        users = Counter(user.source for user in state.users if user.status != "erased")
        departments = Counter(department.source for department in state.departments)
        groups = Counter(group.source for group in state.groups)
        for name in sorted(snapshot.source for snapshot in inputs.snapshots):
            yield Existing(state.workspace, name, users[name], departments[name], groups[name])


def source_rules(inputs: Inputs) -> list[SourceRules]:
    """The rules of each source over its snapshot, in the order of the files."""
    declared = {source.name: source for source in inputs.desired.sources}
    return [
        SourceRules(inputs.desired, declared[snapshot.source], snapshot)
        for snapshot in sorted(
            inputs.snapshots, key=lambda snapshot: list(declared).index(snapshot.source)
        )
    ]


def refuse_impossible(inputs: Inputs) -> None:
    """Raises RulesRefused for rules the platform cannot follow, UsageError as `refuse_other_case`."""
    _refuse_nesting(inputs.desired, inputs.limits)
    source_names.refuse_other_case(inputs.desired.sources, inputs.current)
    if not inputs.limits.any_role:
        _refuse_unknown_roles(inputs.desired, inputs.current)


def _refuse_nesting(desired: DesiredState, limits: Limits) -> None:
    """Raises RulesRefused where groups within groups are to be kept and the platform has none."""
    kept = [at for at, rule in enumerate(desired.groups) if rule.nested == "keep"]
    if kept and not limits.nested_groups:
        message = (
            f"a platform of type {desired.platform.type} has no groups within groups: "
            "write flatten, so that members of members become members, or ignore"
        )
        raise RulesRefused((f"groups[{at}].nested", message) for at in kept)


def _refuse_unknown_roles(desired: DesiredState, current: Iterable[PlatformState]) -> None:
    """Raises RulesRefused for roles that the platform does not have and does not make by itself."""
    named = {f"role_mappings[{at}].role": one.role for at, one in enumerate(desired.role_mappings)}
    departments = enumerate(desired.departments)
    named |= {f"departments[{at}].role": one.role for at, one in departments if one.role}
    unknown: list[tuple[str, str]] = []
    for state in current:
        known = ", ".join(sorted(state.roles)) or "none"
        for path, role in named.items():
            if role not in state.roles:
                message = f"the workspace {state.workspace} has no role {role!r}; it has: {known}"
                unknown.append((path, message))
    if unknown:
        raise RulesRefused(unknown)


def state_digest(state: PlatformState) -> str:
    """The digest of a state, whatever the order of its lists."""
    return digest(
        PlatformState(
            state.workspace,
            tuple(sorted(state.sources, key=lambda one: one.name)),
            tuple(sorted(state.departments, key=lambda one: one.id)),
            tuple(sorted(state.groups, key=lambda one: one.id)),
            tuple(sorted(state.users, key=lambda one: one.id)),
            state.roles,
            tuple(sorted(state.memberships)),
            tuple(sorted(state.grants)),
            state.deleted,
            tuple(sorted(state.readings, key=lambda one: one.source)),
        )
    )
