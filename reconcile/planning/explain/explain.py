"""Why a person is in or out, in that group, with that role: the planner, asked about one person.

`asking` says who is meant, `verdicts` what each rule says of that person, `standings` what the
planner made of it all in each workspace. Nothing is decided here.
"""

from collections.abc import Iterator, Mapping, Sequence

from reconcile.model.explanation import Explained, Explanation, Searched, Standing, Stray
from reconcile.model.login import Names
from reconcile.model.platform import PlatformState, User
from reconcile.planning.explain import lookup
from reconcile.planning.explain.rule_results import Background, Verdicts
from reconcile.planning.explain.workspace_view import Workspace, same_user
from reconcile.planning.planner import (
    Inputs,
    check_guards,
    notices,
    readings,
    refuse_impossible,
    source_rules,
    worked_out,
)
from reconcile.planning.selection.source_rules import SourceRules


def explain(
    inputs: Inputs,
    asked: Mapping[str, Names],
    typed: str,
    strays: Mapping[str, Sequence[Stray]],
    background: Background,
) -> Explanation:
    """Everyone that a name means.

    `asked`: source → its names; `strays`: source → entries that its rules do not find.

    Raises UsageError if a plan would.
    """
    refuse_impossible(inputs)
    rules = source_rules(inputs)
    workspaces = [
        Workspace(inputs.desired, rules, current, worked_out(inputs, rules, current))
        for current in inputs.current
    ]
    positions = {
        one.source.name: dict(_positions(one, asked[one.source.name], typed, workspaces))
        for one in rules
    }
    noted = notices(inputs, rules)
    searched = tuple(
        Searched(
            one.source.name,
            background.searches[one.source.name],
            len(one.index.keys),
            tuple(one.index.person(at).dn for at in positions[one.source.name]),
            tuple(strays.get(one.source.name, ())),
            tuple(notice for notice in noted if one.source.name in notice.sources),
        )
        for one in rules
    )
    people = [
        _person(inputs, one, at, by, workspaces, background)
        for one in rules
        for at, by in positions[one.source.name].items()
    ]
    people += _others(typed, workspaces, strays)
    if people:
        changes = tuple(change for workspace in workspaces for change in workspace.changes)
        refusals = tuple(check_guards(inputs, changes, rules, readings(inputs, rules)))
        return Explanation(typed, searched, tuple(people), violations=refusals)
    listed = tuple(dict.fromkeys(skip for one in workspaces for skip in one.dangling(typed)))
    return Explanation(
        typed, searched, (), listed, lookup.similar(typed, _known(rules, inputs.current))
    )


def _known(rules: Sequence[SourceRules], current: Sequence[PlatformState]) -> set[str]:
    logins = {person.identifier for one in rules for person in one.index.snapshot.persons}
    return logins | {user.username for state in current for user in state.users}


def _positions(
    rules: SourceRules, asked: Names, typed: str, workspaces: Sequence[Workspace]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Who is meant, and by which names; those of the person's user on the platform count too."""
    for position, person in enumerate(rules.index.snapshot.persons):
        by = list(lookup.matches(person, asked, rules.source))
        for workspace in workspaces:
            user = workspace.user(rules.source.name, position)
            by += lookup.user_matches(user, typed) if user is not None else ()
        if by:
            yield position, tuple(dict.fromkeys(by))


def _person(
    inputs: Inputs,
    rules: SourceRules,
    position: int,
    by: tuple[str, ...],
    workspaces: Sequence[Workspace],
    background: Background,
) -> Explained:
    source, person = rules.source.name, rules.index.person(position)
    verdicts = Verdicts(inputs.desired, rules, position, background)
    exists = any(workspace.user(source, position) is not None for workspace in workspaces)
    said = tuple(verdicts.rules(exists=exists))
    return Explained(
        source,
        person.dn,
        person.external_id,
        person.identifier,
        by,
        True,
        said,
        tuple(verdicts.groups()),
        verdicts.department(),
        tuple(verdicts.roles()),
        tuple(verdicts.fields()),
        verdicts.manager(),
        tuple(workspace.person(source, position, said) for workspace in workspaces),
    )


def _others(
    typed: str,
    workspaces: Sequence[Workspace],
    strays: Mapping[str, Sequence[Stray]],
) -> Iterator[Explained]:
    """Users whose persons were not read, with the entries that may be theirs; then other strays."""
    left = [(source, stray) for source, found in strays.items() for stray in found]
    for user, by in _alone(typed, workspaces):
        own = next((one for one in left if one[0] == user.source and _is_of(user, one[1])), None)
        if own is not None:
            left.remove(own)
        dn = own[1].dn if own is not None else user.dn
        yield Explained(
            user.source,
            dn,
            user.external_id,
            "",
            tuple(dict.fromkeys([*by, *(own[1].matched if own is not None else ())])),
            False,
            workspaces=tuple(_standings(user, dn, workspaces)),
        )
    for source, stray in left:
        standings = tuple(workspace.alone(None, source, stray.dn) for workspace in workspaces)
        yield Explained(
            source, stray.dn, stray.external_id, "", stray.matched, False, workspaces=standings
        )


def _is_of(user: User, stray: Stray) -> bool:
    return user.external_id == stray.external_id if user.external_id else user.dn == stray.dn


def _alone(typed: str, workspaces: Sequence[Workspace]) -> Iterator[tuple[User, tuple[str, ...]]]:
    """Each matching user whose person was not read, once for all workspaces."""
    told: list[User] = []
    for workspace in workspaces:
        people = {user.id for user in workspace.people()}
        for user in workspace.current.users:
            by = lookup.user_matches(user, typed)
            if by and user.id not in people and not any(same_user(user, one) for one in told):
                told.append(user)
                yield user, by


def _standings(user: User, dn: str, workspaces: Sequence[Workspace]) -> Iterator[Standing]:
    for workspace in workspaces:
        own = next((one for one in workspace.current.users if same_user(one, user)), None)
        if own is not None:
            yield workspace.alone(own, user.source, dn)
