"""Who is in which group and has which role: what the rules give, what people gave, and what stays for the departed."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import GroupRule
from reconcile.model.platform import BY_HAND, Grant, Membership, PlatformState
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import group_nesting
from reconcile.planning.target.candidates import Candidate
from reconcile.planning.target.users import user_id

_NAMED: Final = 10
"""How many of the persons who share a login are named."""


class Joining(msgspec.Struct, frozen=True):
    """Who may come into which group: source and position → id of the users whose memberships follow the directory.

    Those of `held` users, and of `held_groups`, follow it in what it takes away alone.
    """

    followers: Mapping[tuple[str, int], str]
    held: Collection[str] = ()
    held_groups: Collection[str] = ()


def memberships(
    sources: Sequence[SourceRules],
    current: PlatformState,
    group_ids: Mapping[tuple[str, str], str],
    joining: Joining,
    users: Collection[str],
) -> tuple[Membership, ...]:
    """The memberships wanted.

    `group_ids`: source and normalized DN → id of the groups selected; `users`: the ids of all users wanted. A user who
    is wanted but does not follow (departed, local) keeps what it has, save that `authoritative` takes out local users.
    """
    followers = joining.followers
    declared = {rules.source.name for rules in sources}
    managed = {group.id for group in current.groups if group.source in declared} | set(
        group_ids.values()
    )
    following = set(followers.values())
    frozen = {user.id for user in current.users if user.source and user.id not in following}
    there: dict[str, dict[str, Membership]] = {}
    kept: list[Membership] = []
    for membership in current.memberships:
        if membership.user not in users:
            continue  # goes with its user
        if membership.group in managed:
            there.setdefault(membership.group, {})[membership.user] = membership
        else:
            kept.append(membership)
    for rules in sources:
        source = rules.source.name
        for key, rule in rules.groups.items():
            group = group_ids.get((source, key))
            if group is None:
                continue
            before = there.pop(group, {})
            if key in rules.frozen:
                kept += before.values()
                continue
            people = group_nesting.content(rules, key, group_ids).people
            listed = {followers[source, at] for at in people if (source, at) in followers}
            closed = group in joining.held_groups
            kept += (
                before.get(user) or Membership(user, group, source)
                for user in listed
                if user in before or not (closed or user in joining.held)
            )
            kept += (
                one
                for user, one in before.items()
                if user not in listed and _stays(one, rule, frozen)
            )
    for unselected in there.values():
        kept += (membership for membership in unselected.values() if membership.origin == BY_HAND)
    return tuple(kept)


def _stays(membership: Membership, rule: GroupRule, frozen: Collection[str]) -> bool:
    """Whether a member whom the directory does not list stays all the same."""
    by_hand = membership.origin == BY_HAND
    return (
        rule.members == "additive"
        or membership.user in frozen
        or (by_hand and rule.members == "owned")
    )


def grants(
    candidates: Iterable[Candidate],
    current: PlatformState,
    users: Collection[str],
    *,
    authoritative: bool,
) -> tuple[Grant, ...]:
    """The grants wanted. What a person granted stays unless `authoritative`; who does not follow keeps all."""
    there: dict[str, dict[str, Grant]] = {}
    for grant in current.grants:
        if grant.user in users:
            there.setdefault(grant.user, {})[grant.role] = grant
    kept: list[Grant] = []
    for candidate in candidates:
        user = user_id(candidate)
        before = there.pop(user, {})
        kept += (
            before.get(role) or Grant(user, role, candidate.rules.source.name)
            for role in candidate.roles
            if role in before or not candidate.held
        )
        for role, grant in before.items():
            by_hand = grant.origin == BY_HAND
            if (
                role not in candidate.roles
                and by_hand
                and not (authoritative and not candidate.keeps_roles)
            ):
                kept.append(grant)
    for before in there.values():
        kept += before.values()
    return tuple(kept)


def dangling(sources: Iterable[SourceRules], workspace: str) -> list[Skip]:
    """Members of selected groups that are neither a person nor a group the rules find, or can mean several."""
    skips: list[Skip] = []
    for rules in sources:
        listed: dict[str, list[str]] = {}
        within: set[str] = set()
        for key, rule in rules.groups.items():
            within |= rules.index.within(key) if rule.nested != "ignore" else {key}
        for key in sorted(within):
            for member in rules.index.direct(key)[2]:
                listed.setdefault(member, []).append(rules.index.groups[key].dn)
        for member, groups in listed.items():
            more = f" and {len(groups) - 1} more" if len(groups) > 1 else ""
            several = rules.index.several(member)
            code: SkipCode = "ambiguous_reference" if several else "dangling_member"
            meant = (
                f"can mean {' or '.join(several)}: write it in {groups[0]} as that entry is named"
            )
            why = f"listed in {groups[0]}{more}, but {meant if several else _why_nobody(rules, member)}"
            skips.append(
                Skip(workspace, rules.source.name, member, "", code, why, kind="membership")
            )
    return skips


def unknown(sources: Iterable[SourceRules], workspace: str) -> list[Skip]:
    """The groups that a rule is about and whose members are not known."""
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
    return f"{len(owners)} persons of {source} have this uid, so that it is none of them: {named}{more}"


def unclear_managers(
    unclear: Iterable[tuple[SourceRules, str, str]], workspace: str
) -> Iterator[Skip]:
    """A skip for each manager (rules, the name as it is written, a person who has it) that can mean several persons."""
    for rules, written, person in unclear:
        meant = " or ".join(rules.index.several_persons(written))
        detail = f"the manager of {person}, but can mean {meant}: write it as that entry is named"
        yield Skip(
            workspace, rules.source.name, written, "", "ambiguous_reference", detail, kind="manager"
        )
