"""Why a person is in or out, in that group, with that role: the planner, asked about one person.

`lookup` says who is meant, `scope_results`, `field_results` and `membership_results` what each rule
says of that person, `workspace_view` what the planner made of it all in each workspace. Nothing is
decided here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconcile.model.identity import ids
from reconcile.model.login import LoginNames
from reconcile.model.platform import PlatformState, User
from reconcile.model.views.explanation import (
    Explained,
    Explanation,
    Searched,
    Stray,
    WorkspaceResult,
)
from reconcile.planning.explain import lookup
from reconcile.planning.explain.background import Background
from reconcile.planning.explain.field_results import field_results, manager_result
from reconcile.planning.explain.membership_results import (
    department_result,
    group_results,
    role_results,
)
from reconcile.planning.explain.person_rules import PersonRules
from reconcile.planning.explain.scope_results import scope_results
from reconcile.planning.explain.workspace_view import WorkspaceView, same_user
from reconcile.planning.planner import (
    Inputs,
    check_guards,
    notices,
    readings,
    refuse_impossible,
    source_rules,
    workspace_target,
)
from reconcile.planning.selection.source_rules import SourceRules

Meant = Mapping[str, Mapping[int, tuple[str, ...]]]
"""Source → position of each person who is meant → the names by which."""


def explain(
    inputs: Inputs,
    asked: Mapping[str, LoginNames],
    typed: str,
    strays: Mapping[str, Sequence[Stray]],
    background: Background,
) -> Explanation:
    """Everyone that a name means.

    `asked`: source → its names; `strays`: source → entries that its rules do not find.

    Raises UsageError if a plan would.
    """
    refuse_impossible(inputs)
    sources = source_rules(inputs)
    workspaces = [
        WorkspaceView(inputs.desired, sources, current, workspace_target(inputs, sources, current))
        for current in inputs.current
    ]
    meant: Meant = {
        rules.source.name: dict(_meant_persons(rules, asked[rules.source.name], typed, workspaces))
        for rules in sources
    }
    searched = tuple(_searched(inputs, sources, meant, strays, background))
    people = (
        *_persons(inputs, sources, meant, workspaces, background),
        *_users_without_person(typed, workspaces, strays),
    )
    if not people:
        listed = (skip for workspace in workspaces for skip in workspace.dangling(typed))
        similar = lookup.similar(typed, _known_names(sources, inputs.current))
        return Explanation(typed, searched, (), tuple(dict.fromkeys(listed)), similar)
    changes = tuple(change for workspace in workspaces for change in workspace.changes)
    violations = tuple(check_guards(inputs, changes, sources, readings(inputs, sources)))
    return Explanation(typed, searched, people, violations=violations)


def _known_names(sources: Iterable[SourceRules], current: Iterable[PlatformState]) -> set[str]:
    """The logins of all persons and the usernames of all users."""
    names: set[str] = set()
    for rules in sources:
        names.update(person.identifier for person in rules.index.snapshot.persons)
    for state in current:
        names.update(user.username for user in state.users)
    return names


def _meant_persons(
    rules: SourceRules, asked: LoginNames, typed: str, workspaces: Sequence[WorkspaceView]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Who is meant, and by which names; those of the person's user on the platform count too."""
    for position, person in enumerate(rules.index.snapshot.persons):
        by = list(lookup.matches(person, asked, rules.source))
        for workspace in workspaces:
            user = workspace.user(rules.source.name, position)
            if user is not None:
                by += lookup.user_matches(user, typed)
        if by:
            yield position, tuple(dict.fromkeys(by))


def _searched(
    inputs: Inputs,
    sources: Sequence[SourceRules],
    meant: Meant,
    strays: Mapping[str, Sequence[Stray]],
    background: Background,
) -> Iterator[Searched]:
    """How each source was searched, and who of it is meant."""
    all_notices = notices(inputs, sources)
    for rules in sources:
        source = rules.source.name
        yield Searched(
            source,
            background.searches[source],
            len(rules.index.keys),
            tuple(rules.index.person(position).dn for position in meant[source]),
            tuple(strays.get(source, ())),
            tuple(notice for notice in all_notices if source in notice.sources),
        )


def _persons(
    inputs: Inputs,
    sources: Iterable[SourceRules],
    meant: Meant,
    workspaces: Sequence[WorkspaceView],
    background: Background,
) -> Iterator[Explained]:
    """Each person who was read and is meant."""
    for rules in sources:
        for position, by in meant[rules.source.name].items():
            about = PersonRules(inputs.desired, rules, position, background)
            yield _person(about, by, workspaces)


def _person(
    about: PersonRules, by: tuple[str, ...], workspaces: Sequence[WorkspaceView]
) -> Explained:
    source, position, person = about.source.name, about.position, about.person
    exists = any(workspace.user(source, position) is not None for workspace in workspaces)
    of_rules = tuple(scope_results(about, exists=exists))
    return Explained(
        source,
        person.dn,
        person.external_id,
        person.identifier,
        by,
        True,
        of_rules,
        tuple(group_results(about)),
        department_result(about),
        tuple(role_results(about)),
        tuple(field_results(about)),
        manager_result(about),
        tuple(workspace.person(source, position, of_rules) for workspace in workspaces),
    )


def _users_without_person(
    typed: str,
    workspaces: Sequence[WorkspaceView],
    strays: Mapping[str, Sequence[Stray]],
) -> Iterator[Explained]:
    """Users whose persons were not read, with the entries that may be theirs; then other strays."""
    left = [(source, stray) for source, of_source in strays.items() for stray in of_source]
    for user, by in _alone(typed, workspaces):
        entry_dn, names = user.dn, by
        own = next((entry for entry in left if _is_entry_of(user, *entry)), None)
        if own is not None:
            left.remove(own)
            stray = own[1]
            entry_dn, names = stray.dn, tuple(dict.fromkeys([*by, *stray.matched]))
        yield Explained(
            user.source,
            entry_dn,
            user.external_id,
            "",
            names,
            False,
            workspaces=tuple(_in_workspaces(user, entry_dn, workspaces)),
        )
    for source, stray in left:
        results = tuple(workspace.alone(None, source, stray.dn) for workspace in workspaces)
        yield Explained(
            source, stray.dn, stray.external_id, "", stray.matched, False, workspaces=results
        )


def _is_entry_of(user: User, source: str, stray: Stray) -> bool:
    """Whether an entry of a source is the one of the user: by its id, otherwise by its DN."""
    if source != user.source:
        return False
    if user.external_id:
        return user.external_id == stray.external_id
    return user.dn == stray.dn


def _alone(
    typed: str, workspaces: Sequence[WorkspaceView]
) -> Iterator[tuple[User, tuple[str, ...]]]:
    """Each user who is meant and is none of the persons read, once for all workspaces."""
    listed: list[User] = []
    for workspace in workspaces:
        people = ids(workspace.people())
        for user in workspace.current.users:
            by = lookup.user_matches(user, typed)
            if not by or user.id in people:
                continue
            if not any(same_user(user, other) for other in listed):
                listed.append(user)
                yield user, by


def _in_workspaces(
    user: User, entry_dn: str, workspaces: Sequence[WorkspaceView]
) -> Iterator[WorkspaceResult]:
    """How the user stands in each workspace that has it."""
    for workspace in workspaces:
        own = next((other for other in workspace.current.users if same_user(other, user)), None)
        if own is not None:
            yield workspace.alone(own, user.source, entry_dn)
