"""What is wanted, as far as the platform supports it; the rest is a skip, reported before apply.

Rules that a platform cannot follow at all are refused earlier (`selection.platform_rules`). Here a
single user, group or department asks for what the platform lacks. A new one is then not created; an
existing one keeps what cannot change. What is taken away is still taken away, as far as the
platform can.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import cast

import msgspec

from reconcile.model.change import Skip
from reconcile.model.identity import by_id, ids
from reconcile.model.platform import (
    Abilities,
    Grant,
    Group,
    Membership,
    ObjectKind,
    PlatformState,
    User,
)
from reconcile.planning.available_names import AvailableNames
from reconcile.planning.circles import circles
from reconcile.planning.fitting import PROFILE, Mirrored, Object, fitted, instead_of, name_of
from reconcile.planning.undeleted import undeleted


class Within(msgspec.Struct):
    """A state that the platform is able to have, and what it lacks of the one that was wanted."""

    state: PlatformState
    skips: list[Skip]


def within(abilities: Abilities, current: PlatformState, wanted: PlatformState) -> Within:
    """The wanted state, reduced to what the platform is able to have."""
    if _takes_everything(abilities) and not current.taken and not current.in_use:
        return Within(wanted, [])
    return _Narrowing(abilities, current).narrowed(wanted)


def _takes_everything(abilities: Abilities) -> bool:
    """Whether no platform state can ask for too much: so it is with tables of our own."""
    plain = Abilities()
    aspects = (
        *("lengths_in", "charset", "fields", "fixed", "statuses", "deletes"),
        *("several_roles", "implied_role", "needs", "lacks", "protected"),
        *("attributes", "times", "circles", "one_namespace", "names_ignore"),
    )
    return all(getattr(abilities, aspect) == getattr(plain, aspect) for aspect in aspects)


class _Narrowing:
    """Reduces one workspace; collects what is skipped."""

    def __init__(self, abilities: Abilities, current: PlatformState) -> None:
        self._abilities = abilities
        self._current = current
        self._names = AvailableNames(abilities, current)
        self._skips: list[Skip] = []

    def narrowed(self, wanted: PlatformState) -> Within:
        """Users first, then what refers to them."""
        departments = tuple(
            self._objects("department", wanted.departments, self._current.departments)
        )
        groups = tuple(
            self._without_circles(self._objects("group", wanted.groups, self._current.groups))
        )
        self._names.take(groups)
        users = list(self._users(wanted.users, ids(departments)))
        grants = list(self._grants(wanted.grants, users))
        memberships = list(self._memberships(wanted, users, groups))
        users = list(self._with_what_they_need(users, grants, memberships))
        staying = ids(users)
        state = msgspec.structs.replace(
            wanted,
            departments=departments,
            groups=groups,
            users=tuple(users),
            grants=tuple(grant for grant in grants if grant.user in staying),
            memberships=tuple(link for link in memberships if link.user in staying),
        )
        return Within(state, self._skips)

    def _skip(self, kind: ObjectKind, skipped: Mirrored, why: str, *, exists: bool) -> None:
        """Notes that an object is not as it is wanted."""
        is_user = isinstance(skipped, User)
        self._skips.append(
            Skip(
                workspace=self._current.workspace,
                source=skipped.source,
                dn=skipped.dn,
                username=name_of(skipped) if is_user else "",
                code="not_supported",
                detail=why,
                exists=exists,
                kind=kind,
                subject="" if is_user else name_of(skipped),
            )
        )

    def _objects(
        self, kind: ObjectKind, wanted: Iterable[Object], current: Iterable[Object]
    ) -> Iterator[Object]:
        """The objects of a kind: kept, changed or new as far as their fields allow."""
        left, wanted = by_id(current), tuple(wanted)
        self._hold_names(kind, wanted, left)
        # A new object gets no name that one has which exists.
        for wanted_object in sorted(wanted, key=lambda each: each.id not in left):
            old = left.get(wanted_object.id)
            refused = self._names.why_refused(kind, wanted_object, old)
            possible, why = fitted(kind, wanted_object, old, self._abilities, refused)
            if why:
                self._skip(kind, wanted_object, why, exists=old is not None)
            if possible is not None:
                left.pop(possible.id, None)
                yield possible
        # What is left was to be deleted.
        kept = undeleted(kind, left, self._abilities, self._current.in_use)
        for stays, why in kept:
            self._skip(kind, stays, why, exists=True)
            yield cast("Object", stays)

    def _hold_names(
        self, kind: ObjectKind, wanted: Collection[Object], current: Mapping[str, Object]
    ) -> None:
        """An object that exists and is not renamed or deleted keeps its name."""
        for mirrored in wanted:
            if mirrored.id in current and name_of(current[mirrored.id]) == name_of(mirrored):
                self._names.hold(kind, mirrored)
        if kind not in self._abilities.deletes:
            for gone in current.keys() - ids(wanted):
                self._names.hold(kind, current[gone])

    def _without_circles(self, wanted: Iterable[Group]) -> Iterator[Group]:
        """Where the platform has no circles, groups that are in each other stay as they are nested.

        None of the new nestings within a circle is made: which to leave out would be a guess.
        """
        groups = tuple(wanted)
        if self._abilities.circles:
            yield from groups
            return
        current = by_id(self._current.groups)
        names = {group.id: group.name for group in groups}
        circle_of: dict[str, frozenset[str]] = {}
        for circle in circles({group.id: group.groups for group in groups}):
            circle_of |= dict.fromkeys(circle, circle)
        for group in groups:
            circle = circle_of.get(group.id, frozenset())
            before = current[group.id].groups if group.id in current else {}
            new = (circle & group.groups.keys()) - before.keys()
            if not new:
                yield group
                continue
            together = ", ".join(sorted(repr(names[member]) for member in circle))
            why = f"the groups {together} are in each other, which the platform cannot have"
            self._skip("group", group, why, exists=group.id in current)
            kept = {above: origin for above, origin in group.groups.items() if above not in new}
            yield msgspec.structs.replace(group, groups=kept)

    def _users(self, wanted: Iterable[User], departments: Collection[str]) -> Iterator[User]:
        """The users with the fields and statuses that the platform has."""
        known = by_id(self._current.users)
        staying = (user for user in wanted if not self._is_deleted_instead(user, known))
        for user in self._objects("user", staying, self._current.users):
            old, placed = known.get(user.id), user
            if user.department not in departments:
                placed = msgspec.structs.replace(user, department="")
            serving = self._with_status(self._with_kept_fields(placed, old), old)
            if serving is not None:
                yield serving

    def _is_deleted_instead(self, user: User, known: Mapping[str, User]) -> bool:
        """Whether a user who is to be erased is deleted, so that no field of it matters."""
        if user.status != "erased" or "erased" in self._abilities.statuses:
            return False
        already = user.id in known and known[user.id].status == "erased"
        return not already and "user" in self._abilities.deletes

    def _with_kept_fields(self, user: User, old: User | None) -> User:
        """The user without fields that the platform does not keep: those stay as they are there."""
        fields = self._abilities.fields.get("user")
        if fields is None:
            return user
        former = old or User("", "")
        kept = (*PROFILE, "attributes")
        lost = {name: getattr(former, name) for name in kept if name not in fields}
        if self._abilities.attributes is not None and "attributes" in fields:
            known = self._abilities.attributes
            lost["attributes"] = {
                name: text for name, text in user.attributes.items() if name in known
            }
        return msgspec.structs.replace(user, **lost)

    def _with_status(self, user: User, old: User | None) -> User | None:
        """The user with a status that the platform has; None for a new one that cannot have it."""
        status = instead_of(user.status, self._abilities)
        if status == user.status:
            return user
        if status is not None:
            return msgspec.structs.replace(user, status=status)
        if old is not None and user.status == old.status:
            return user  # as it is there, whatever the adapter says it has
        why = f"the platform has no status for {user.status}"
        if user.status == "erased":
            why = "the platform can neither erase nor delete a user"
        self._skip("user", user, why, exists=old is not None)
        return old

    def _grants(self, wanted: Iterable[Grant], users: Iterable[User]) -> Iterator[Grant]:
        """The grants: all, or of a user with several the one there is, if users have one role.

        The role that every user has anyway is not granted.
        """
        implied = self._abilities.implied_role
        wanted = [grant for grant in wanted if not implied or grant.role != implied]
        if self._abilities.several_roles:
            yield from wanted
            return
        by_user: dict[str, list[Grant]] = {}
        for grant in wanted:
            by_user.setdefault(grant.user, []).append(grant)
        named = by_id(users)
        current = {(grant.user, grant.role) for grant in self._current.grants}
        for user_id, grants in by_user.items():
            if len(grants) == 1:
                yield grants[0]
                continue
            yield from [grant for grant in grants if (grant.user, grant.role) in current][:1]
            if user_id in named:
                roles = ", ".join(sorted(grant.role for grant in grants))
                why = f"the platform gives a user one role, and the rules give {roles}"
                self._skip("user", named[user_id], why, exists=True)

    def _memberships(
        self, wanted: PlatformState, users: Iterable[User], groups: Iterable[Group]
    ) -> Iterator[Membership]:
        """The memberships of users and groups that exist.

        A group that does not get its new name is held, and gains no members.
        """
        current = {(link.user, link.group) for link in self._current.memberships}
        names = {group.id: group.name for group in wanted.groups}
        held = {group.id: names.get(group.id, group.name) != group.name for group in groups}
        staying = ids(users)
        for link in wanted.memberships:
            if link.user not in staying or link.group not in held:
                continue
            if not held[link.group] or (link.user, link.group) in current:
                yield link

    def _with_what_they_need(
        self, users: Iterable[User], grants: Iterable[Grant], links: Iterable[Membership]
    ) -> Iterator[User]:
        """Users have to have what the platform demands of each: a role, a group, a department.

        A new user without it is left out.
        """
        with_role = {grant.user for grant in grants}
        with_group = {link.user for link in links}
        having: Mapping[str, Callable[[User], bool]] = {
            "role": lambda user: user.id in with_role,
            "group": lambda user: user.id in with_group,
            "department": lambda user: bool(user.department),
        }
        known = ids(self._current.users)
        needs = sorted(self._abilities.needs)
        for user in users:
            lacking = [need for need in needs if not having[need](user)]
            # What a local account lacks is no business of the rules.
            if not lacking or user.status == "erased" or not user.source:
                yield user
                continue
            why = f"the platform wants every user to have a {' and a '.join(lacking)}"
            self._skip("user", user, why, exists=user.id in known)
            if user.id in known:
                yield user
