"""Which users are in which groups and have which roles.

Rules and people give memberships and grants; departed users keep theirs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import GroupRule
from reconcile.model.platform import BY_HAND, Grant, Membership, PlatformState
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.mirrors import group_nesting
from reconcile.planning.target.people.candidates import Candidate
from reconcile.planning.target.users import UnclearManager, user_id

_NAMED: Final = 10
"""How many of the persons who share a login are named in a skip."""


class MembershipScope(msgspec.Struct, frozen=True):
    """Which users may enter which groups.

    `followers`: source → position → id of a user whose memberships follow the directory. `held`
    are ids of users, `held_groups` of groups, that follow it only in what it takes away.
    """

    followers: Mapping[str, Mapping[int, str]]
    held: Collection[str] = ()
    held_groups: Collection[str] = ()


def memberships(
    sources: Sequence[SourceRules],
    current: PlatformState,
    group_ids: Mapping[tuple[str, str], str],
    joining: MembershipScope,
    users: Collection[str],
) -> tuple[Membership, ...]:
    """The wanted memberships.

    `group_ids`: source and normalized DN → id of a selected group; `users`: ids of all wanted
    users. A wanted user who does not follow the directory (departed, local) keeps all memberships,
    except that `authoritative` removes local users.
    """
    following = {user for users in joining.followers.values() for user in users.values()}
    frozen = {user.id for user in current.users if user.source and user.id not in following}
    kept, in_managed = _by_group(sources, current, group_ids, users)
    # A selected group has the members that the directory lists, and those who stay by its rule.
    for rules in sources:
        for key, rule in rules.groups.items():
            group = group_ids.get((rules.source.name, key))
            if group is None:
                continue
            before = in_managed.pop(group, {})
            if key in rules.frozen:
                kept += before.values()
                continue
            followers = joining.followers.get(rules.source.name, {})
            listed = _listed(rules, key, group_ids, followers)
            kept += _joined(rules.source.name, group, listed, before, joining)
            for user, membership in before.items():
                if user not in listed and _stays(membership, rule, frozen):
                    kept.append(membership)
    # A group that is no longer selected keeps only the members that a person added.
    for unselected in in_managed.values():
        kept += (membership for membership in unselected.values() if membership.origin == BY_HAND)
    return tuple(kept)


def _by_group(
    sources: Sequence[SourceRules],
    current: PlatformState,
    group_ids: Mapping[tuple[str, str], str],
    users: Collection[str],
) -> tuple[list[Membership], dict[str, dict[str, Membership]]]:
    """The memberships of wanted users: in other groups, and by group and user in managed groups."""
    declared = {rules.source.name for rules in sources}
    managed = {group.id for group in current.groups if group.source in declared}
    managed.update(group_ids.values())
    elsewhere: list[Membership] = []
    in_managed: dict[str, dict[str, Membership]] = {}
    for membership in current.memberships:
        if membership.user not in users:
            continue  # goes with its user
        if membership.group in managed:
            in_managed.setdefault(membership.group, {})[membership.user] = membership
        else:
            elsewhere.append(membership)
    return elsewhere, in_managed


def _listed(
    rules: SourceRules,
    key: str,
    group_ids: Mapping[tuple[str, str], str],
    followers: Mapping[int, str],
) -> set[str]:
    """Ids of the users that the directory lists in a group. `followers`: position → user id."""
    people = group_nesting.content(rules, key, group_ids).people
    return {followers[at] for at in people if at in followers}


def _joined(
    source: str,
    group: str,
    listed: Iterable[str],
    before: Mapping[str, Membership],
    joining: MembershipScope,
) -> Iterator[Membership]:
    """The memberships of listed users. `before`: user → its membership.

    A held group or user gains none.
    """
    closed = group in joining.held_groups
    for user in listed:
        if user in before:
            yield before[user]
        elif not closed and user not in joining.held:
            yield Membership(user, group, source)


def _stays(membership: Membership, rule: GroupRule, frozen: Collection[str]) -> bool:
    """Whether a member that the directory does not list still stays."""
    if membership.user in frozen:
        return True
    return rule.keeps_unlisted(by_hand=membership.origin == BY_HAND)


def grants(
    candidates: Iterable[Candidate],
    current: PlatformState,
    users: Collection[str],
    *,
    authoritative: bool,
) -> tuple[Grant, ...]:
    """The wanted grants of the wanted `users` (ids).

    A user who does not follow the directory keeps all. `authoritative` removes what a person
    granted to a user who follows.
    """
    by_user: dict[str, tuple[Grant, ...]] = {}
    for grant in current.grants:
        if grant.user in users:
            by_user[grant.user] = (*by_user.get(grant.user, ()), grant)
    kept: list[Grant] = []
    for candidate in candidates:
        before = by_user.pop(user_id(candidate), ())
        kept += _granted(candidate, before, authoritative=authoritative)
    for others in by_user.values():
        kept += others
    return tuple(kept)


def _granted(
    candidate: Candidate, before: Iterable[Grant], *, authoritative: bool
) -> Iterator[Grant]:
    """The grants of one candidate; `before` are those that exist."""
    # The rules give these; a held user gains none.
    existing = {grant.role: grant for grant in before}
    for role in candidate.roles:
        if role in existing:
            yield existing[role]
        elif not candidate.held:
            yield Grant(user_id(candidate), role, candidate.rules.source.name)
    # What a person granted stays, unless the rules alone decide.
    if authoritative and not candidate.keeps_roles:
        return
    for role, grant in existing.items():
        if grant.origin == BY_HAND and role not in candidate.roles:
            yield grant


def dangling(sources: Iterable[SourceRules], workspace: str) -> list[Skip]:
    """A skip for each member of a selected group that means no person or group, or several."""
    skips: list[Skip] = []
    for rules in sources:
        for member, groups in _dangling_members(rules).items():
            skips.append(_dangling_skip(rules, member, groups, workspace))
    return skips


def _dangling_members(rules: SourceRules) -> dict[str, list[str]]:
    """A member that is neither person nor group → the DNs of the groups that list it."""
    looked_into: set[str] = set()
    for key, rule in rules.groups.items():
        looked_into |= rules.index.within(key) if rule.nested != "ignore" else {key}
    listed: dict[str, list[str]] = {}
    for key in sorted(looked_into):
        for member in rules.index.direct(key)[2]:
            listed.setdefault(member, []).append(rules.index.groups[key].dn)
    return listed


def _dangling_skip(rules: SourceRules, member: str, groups: Sequence[str], workspace: str) -> Skip:
    """The skip of a member that means no entry, or several."""
    several = rules.index.several(member)
    code: SkipCode = "ambiguous_reference" if several else "dangling_member"
    if several:
        problem = f"can mean {' or '.join(several)}: write it in {groups[0]} as that entry is named"
    else:
        problem = _why_nobody(rules, member)
    more = f" and {len(groups) - 1} more" if len(groups) > 1 else ""
    why = f"listed in {groups[0]}{more}, but {problem}"
    return Skip(workspace, rules.source.name, member, "", code, why, kind="membership")


def unknown(sources: Iterable[SourceRules], workspace: str) -> list[Skip]:
    """A skip for each group that a rule is about and whose members are not known."""
    return [
        Skip(
            workspace,
            rules.source.name,
            rules.index.groups[key].dn,
            "",
            "dynamic_group",
            f"its members are not known, so nobody gains or loses anything by it: {why}",
            kind="group",
        )
        for rules in sources
        for key, why in rules.unknown.items()
    ]


def _why_nobody(rules: SourceRules, member: str) -> str:
    """Why what a group lists is neither a person nor a group."""
    index, source = rules.index, rules.source.name
    owners = [index.person(position).dn for position in index.logins.find(member)]
    if len(owners) < 2:
        return f"{source} finds no such person or group"
    more = f" and {len(owners) - _NAMED} more" if len(owners) > _NAMED else ""
    named = "; ".join(owners[:_NAMED])
    persons = f"{len(owners)} persons of {source}"
    return f"{persons} have this uid, so it means none of them: {named}{more}"


def unclear_managers(unclear: Iterable[UnclearManager], workspace: str) -> Iterator[Skip]:
    """A skip for each manager that can mean several persons."""
    for rules, written, person in unclear:
        meant = " or ".join(rules.index.several_persons(written))
        detail = f"the manager of {person}, but can mean {meant}: write it as that entry is named"
        yield Skip(
            workspace, rules.source.name, written, "", "ambiguous_reference", detail, kind="manager"
        )
