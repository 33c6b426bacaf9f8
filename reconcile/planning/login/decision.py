"""What the rules say of the one person who logs in.

The snapshot of a login holds one person, so other users are neither missing nor out of scope. The
planner works on it as in a run; what it says of other users is ignored. All groups and OUs are
read. If they cannot be trusted (there are many fewer than at the last good read, or an expected one
is missing), the user loses nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import ASIDE, Change, Digests, Plan, Scope, Skip, Violation, text
from reconcile.model.desired import Source
from reconcile.model.directory import Person
from reconcile.model.kinds import PAIRS
from reconcile.model.notice import LeftOutCode
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.changes import narrow
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.guards import source_health
from reconcile.planning.login.one_person import concerned, manager_of, only, with_manager
from reconcile.planning.planner import Inputs, workspace_target
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.people.candidates import Candidate, SourcePeople
from reconcile.planning.target.people.gathering import gather


class LoginDecision(msgspec.Struct):
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
    left_out: LeftOutCode | Literal[""] = ""
    """Why a person without a user gets none though nothing is wrong; "" if that is not why."""


def judge(inputs: Inputs) -> LoginDecision:
    """What the rules say of the person in `inputs.snapshots`, in the workspace of `inputs.current`.

    Both hold exactly one. Raises UsageError for rules that contradict the directory.
    """
    source, snapshot = only(inputs)
    (everybody,), person = inputs.current, snapshot.persons[0]
    # Managers are persons, too, and not in the snapshot; they are found on the platform.
    manager = manager_of(person, source, snapshot, everybody)
    current = concerned(inputs, manager)
    without_manager = msgspec.structs.replace(person, manager=None)
    alone = msgspec.structs.replace(snapshot, persons=(without_manager,))
    rules = SourceRules(inputs.desired, source, alone, login=True)
    people = _people(inputs, rules, current)
    names = _Names.of(people, person)
    # The planner works as in a run. Of its changes only the person's own are kept.
    result = workspace_target(inputs, [rules], current)
    state = with_manager(result.state, manager, names.wanted, source)
    changes = tuple(ordered(diff(current, state, result.reasons)))
    # A held user loses what the directory takes away, as in a plan. A person who cannot be a user
    # has no part in the result.
    narrowed = narrow.narrow(changes, names.targets) if result.candidates else ()
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
        scope=Scope((current.workspace,), (source.name,), names.targets),
        digests=Digests(inputs.configuration, {}, {}),
        changes=tuple(change for change in narrowed if _concerns_only(change, names.folded)),
    )
    if names.user is not None:
        plan = msgspec.structs.replace(plan, violations=doubts, readings=(read,))
    return LoginDecision(
        username=names.username,
        user=names.user,
        wanted=names.candidate is not None,
        disabled=_disabled(rules),
        skip=_skip_of(person, result.skips),
        plan=plan,
        doubts=doubts,
        left_out=next(iter(people.left_out), ""),
    )


def _people(inputs: Inputs, rules: SourceRules, current: PlatformState) -> SourcePeople:
    """The person as the rules find it."""
    used = inputs.used.get(current.workspace, ())
    gathered = gather(inputs.desired, [rules], current, inputs.abilities, used, now=inputs.created)
    return gathered.people[rules.source.name]


class _Names(msgspec.Struct, frozen=True):
    """The user of the person and the candidate it is, with the names of both."""

    user: User | None
    candidate: Candidate | None
    identifier: str

    @classmethod
    def of(cls, people: SourcePeople, person: Person) -> "_Names":
        """Those of the one person that the rules found."""
        candidate = people.candidates[0] if people.candidates else None
        return cls(people.matched.get(0), candidate, person.identifier)

    @property
    def wanted(self) -> str:
        """The username by the rules; "" for none."""
        return self.candidate.username if self.candidate is not None else ""

    @property
    def username(self) -> str:
        """The name that the user has, or the one that the person would get."""
        if self.user is not None:
            return self.user.username
        return self.wanted or self.identifier

    @property
    def folded(self) -> set[str]:
        """The present and the wanted username, folded."""
        return {fold_name(name) for name in (self.username, self.wanted) if name}

    @property
    def targets(self) -> tuple[str, ...]:
        """The user, as a plan is narrowed to it."""
        return tuple(f"user:{name}" for name in sorted(self.folded))


def _skip_of(person: Person, skips: Iterable[Skip]) -> Skip | None:
    """Why the person cannot be synchronised; None if it can."""
    own = (skip for skip in skips if skip.dn == person.dn and skip.code not in ASIDE)
    return next(own, None)


def _missing_groups(workspace: str, source: Source, rules: SourceRules) -> Iterator[Violation]:
    """The expected groups that are missing: what the user has by them is not taken away."""
    expect = msgspec.structs.replace(source.expect, persons=())
    expecting = msgspec.structs.replace(source, expect=expect)
    yield from source_health.missing(workspace, expecting, rules.index, rules.matches.path)
    yield from source_health.missing_groups(workspace, rules)


def _disabled(rules: SourceRules) -> bool:
    """Whether the person is disabled in the directory, or that is unknown."""
    try:
        return rules.disabled(0)
    except TemplateFailed:
        return True


def _concerns_only(change: Change, own: set[str]) -> bool:
    """Whether a change is about the person alone: a login touches no other user."""
    if change.kind == "user":
        return fold_name(change.key) in own
    if change.kind in PAIRS:
        return fold_name(text(change.after or change.fields_before, "user")) in own
    return change.action != "delete"
