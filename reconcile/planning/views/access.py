"""Who has which role and is in which group now, by which rule and since which run."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reconcile.model.platform import Grant, Group, Membership, PlatformState, User
from reconcile.model.transitive import reachable
from reconcile.model.views.access import Access, AccessKind, Holding
from reconcile.planning.views.access_history import Gift, Gifts
from reconcile.planning.views.access_rules import AccessRules, Rules

_NO_GIFT = Gift("", "", "", "")
_NO_RULES = Rules()


class _Link(NamedTuple):
    """What a user has: the role or group, and who gave it."""

    kind: AccessKind
    name: str
    origin: str
    rules: Rules
    gift: Gift


def access(state: PlatformState, rules: AccessRules, gifts: Gifts) -> Iterator[Access]:
    """The roles, then the groups of a workspace, each by name, with everyone who holds it."""
    yield from role_access(state, rules, gifts)
    yield from _groups(state, rules, gifts)


def role_access(state: PlatformState, rules: AccessRules, gifts: Gifts) -> Iterator[Access]:
    """Every role that exists or is held, by name, with everyone who has it."""
    users = {user.id: user for user in state.users}
    holdings: dict[str, list[Holding]] = {role: [] for role in state.roles}
    for grant in state.grants:
        held = _grant(grant, rules, gifts)
        holdings.setdefault(grant.role, []).append(_holding(state, users[grant.user], held))
    for role in sorted(holdings, key=_name_order):
        yield Access(
            workspace=state.workspace,
            kind="role",
            name=role,
            rules=rules.role(role),
            holdings=_sorted(holdings[role]),
        )


def _grant(grant: Grant, rules: AccessRules, gifts: Gifts) -> _Link:
    gift = gifts.of("role", grant.user, grant.role, grant.origin) or _NO_GIFT
    by_rules = rules.grant(grant.role, grant.origin, gift.reason) if grant.origin else _NO_RULES
    return _Link("role", grant.role, grant.origin, by_rules, gift)


def _groups(state: PlatformState, rules: AccessRules, gifts: Gifts) -> Iterator[Access]:
    """Every group."""
    users = {user.id: user for user in state.users}
    groups = {group.id: group for group in state.groups}
    holdings: dict[str, list[Holding]] = defaultdict(list)
    for membership in state.memberships:
        held = _membership(membership, groups[membership.group], rules, gifts)
        holdings[membership.group].append(_holding(state, users[membership.user], held))
    within = _nested(state.groups)
    for group in sorted(state.groups, key=lambda group: _name_order(group.name)):
        below = reachable([group.id], lambda id_: within.get(id_, ()))
        nested = (groups[id_].name for id_ in below if id_ != group.id)
        selecting = rules.group(group)
        yield Access(
            workspace=state.workspace,
            kind="group",
            name=group.name,
            source=group.source,
            rules=(*selecting.gave, *selecting.others),
            nested=tuple(sorted(nested, key=_name_order)),
            holdings=_sorted(holdings[group.id]),
        )


def _membership(membership: Membership, group: Group, rules: AccessRules, gifts: Gifts) -> _Link:
    gift = gifts.of("group", membership.user, group.id, membership.origin) or _NO_GIFT
    by_rules = rules.group(group) if membership.origin else _NO_RULES
    return _Link("group", group.name, membership.origin, by_rules, gift)


def _nested(groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
    """Id of a group → the ids of those nested in it directly."""
    within: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        for above in group.groups:
            within[above].append(group.id)
    return within


def _holding(state: PlatformState, user: User, held: _Link) -> Holding:
    return Holding(
        workspace=state.workspace,
        kind=held.kind,
        name=held.name,
        username=user.username,
        full_name=" ".join(filter(None, (user.first_name, user.last_name))),
        email=user.email,
        status=user.status,
        user_source=user.source,
        origin=held.origin,
        rules=held.rules.gave,
        other_rules=held.rules.others,
        reason=held.gift.reason,
        run=held.gift.run,
        since=held.gift.since,
    )


def _sorted(holdings: Sequence[Holding]) -> tuple[Holding, ...]:
    return tuple(sorted(holdings, key=lambda holding: _name_order(holding.username)))


def _name_order(name: str) -> tuple[str, str]:
    """As a person looks for names: without regard to case."""
    return name.casefold(), name
