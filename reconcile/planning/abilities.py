"""What is wanted, as far as the platform is able to have it; the rest is a skip, said before apply.

Rules that a platform cannot follow at all are refused earlier (`selection.platform_rules`). Here a
single user, group or department asks for what the platform lacks. A new one is then not created;
one that exists keeps what cannot change. What is taken away is taken away all the same, as far as
the platform can.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from reconcile.model.change import Skip, SkipKind
from reconcile.model.platform import (
    Abilities,
    Department,
    Grant,
    Group,
    Membership,
    ObjectKind,
    PlatformState,
    Status,
    User,
)
from reconcile.model.text.name_patterns import NamePatterns

INSTEAD: Final[Mapping[Status, tuple[Status, ...]]] = {
    "vacation": ("active",),
    "inactive": ("blocked", "blocked_in_directory"),
    "blocked": ("blocked_in_directory", "inactive"),
    "blocked_in_directory": ("blocked", "inactive"),
}
"""Each status → those that take its place on a platform that lacks it, the first choice first.

A user who is out of service stays out of service; being erased is never a substitute.
"""
NAMES: Final[Mapping[ObjectKind, str]] = {
    "user": "username",
    "group": "name",
    "department": "title",
}
"""The field that is the name of an object."""
_PROFILE: Final = ("username", "first_name", "last_name", "email", "department", "manager")
_LARGEST: Final = {"basic": 0xFFFF, "latin-1": 0xFF, "ascii": 0x7F}
_CHARSETS: Final = {
    "basic": "characters beyond Unicode's basic plane",
    "latin-1": "characters beyond Latin-1",
    "ascii": "characters beyond ASCII",
}
Object = TypeVar("Object", User, Group, Department)


def instead_of(status: Status, abilities: Abilities) -> Status | None:
    """The status that a user gets where the platform lacks the wanted one; None for none."""
    if status in abilities.statuses:
        return status
    return next((other for other in INSTEAD.get(status, ()) if other in abilities.statuses), None)


def unfit(abilities: Abilities, field: str, text: str) -> str:
    """Why a value cannot be kept; "" where it can. Lengths in characters are checked elsewhere."""
    largest = _LARGEST.get(abilities.charset)
    if largest is not None and text and max(map(ord, text)) > largest:
        return f"the {field} has {_CHARSETS[abilities.charset]}, which the platform cannot keep"
    length = abilities.lengths.get(field, 0)
    if abilities.lengths_in == "bytes" and length and len(text.encode()) > length:
        return f"the {field} has more than {length} bytes, which is all the platform keeps"
    return ""


def within(abilities: Abilities, current: PlatformState, wanted: PlatformState) -> "Within":
    """The wanted state, reduced to what the platform is able to have."""
    if _takes_everything(abilities):
        return Within(wanted, [])
    narrowing = _Narrowing(abilities, current)
    return narrowing.narrowed(wanted)


class Within(msgspec.Struct):
    """A state that the platform is able to have, and what it lacks of the one that was wanted."""

    state: PlatformState
    skips: list[Skip]


def _takes_everything(abilities: Abilities) -> bool:
    """Whether no platform state can ask for too much: so it is with tables of our own."""
    plain = Abilities()
    aspects = (
        *("lengths_in", "charset", "fields", "fixed", "statuses", "deletes"),
        *("several_roles", "needs", "lacks", "protected"),
    )
    return all(getattr(abilities, aspect) == getattr(plain, aspect) for aspect in aspects)


class _Narrowing:
    """Reduces one workspace; collects what is skipped."""

    def __init__(self, abilities: Abilities, current: PlatformState) -> None:
        self._abilities = abilities
        self._current = current
        self._protected = {kind: NamePatterns(abilities.protected.get(kind, ())) for kind in NAMES}
        self._skips: list[Skip] = []

    def narrowed(self, wanted: PlatformState) -> Within:
        """Users first, then what refers to them."""
        replace = msgspec.structs.replace
        departments = self._objects("department", wanted.departments, self._current.departments)
        groups = self._objects("group", wanted.groups, self._current.groups)
        users = self._users(wanted, {unit.id for unit in departments})
        grants = self._grants(wanted.grants, users)
        held = {group.id for group in groups} - self._renamable(wanted.groups, groups)
        memberships = self._memberships(
            wanted.memberships, users, {group.id for group in groups}, held
        )
        users, grants = self._with_what_they_need(users, grants, memberships)
        staying = {user.id for user in users}
        state = replace(
            wanted,
            departments=departments,
            groups=groups,
            users=users,
            grants=tuple(grant for grant in grants if grant.user in staying),
            memberships=tuple(link for link in memberships if link.user in staying),
        )
        return Within(state, self._skips)

    def _skip(self, kind: SkipKind, one: User | Group | Department, why: str, exists: bool) -> None:
        name = one.username if isinstance(one, User) else ""
        subject = "" if isinstance(one, User) else _name(one)
        self._skips.append(
            Skip(
                self._current.workspace,
                one.source,
                one.dn,
                name,
                "not_supported",
                why,
                exists,
                kind,
                subject,
            )
        )

    def _objects(
        self, kind: ObjectKind, wanted: Iterable[Object], current: Iterable[Object]
    ) -> tuple[Object, ...]:
        """Groups or departments: kept, changed or new as far as their fields allow."""
        known = {one.id: one for one in current}
        kept: list[Object] = []
        for one in wanted:
            old = known.get(one.id)
            new, why = self._fitting(kind, one, old)
            if why:
                self._skip(kind, one, why, old is not None)
            if new is not None:
                kept.append(new)
        kept += self._undeletable(kind, known, {one.id for one in kept})
        return tuple(kept)

    def _undeletable(
        self, kind: ObjectKind, known: Mapping[str, Object], kept: Iterable[str]
    ) -> list[Object]:
        if kind in self._abilities.deletes:
            return []
        gone = [old for own, old in known.items() if own not in kept]
        for old in gone:
            self._skip(kind, old, f"the platform cannot delete a {kind}", True)
        return gone

    def _fitting(
        self, kind: ObjectKind, one: Object, old: Object | None
    ) -> tuple[Object | None, str]:
        """The object as the platform can have it, None for a new one it cannot have; and why."""
        unfitting = {
            name: why
            for name, value in _values(one).items()
            if (why := unfit(self._abilities, name, value))
        }
        if self._protected[kind].matches(_name(one)):
            unfitting[NAMES[kind]] = f"the platform protects the name {_name(one)!r}"
        if old is None:
            return (None, next(iter(unfitting.values()))) if unfitting else (one, "")
        texts, former = _texts(one), _texts(old)
        fixed = {
            name: f"the platform cannot change the {name} of a {kind}"
            for name in sorted(self._abilities.fixed.get(kind, ()))
            if texts.get(name, "") != former.get(name, "")
        }
        reasons = unfitting | fixed
        if not reasons:
            return one, ""
        back = {name: getattr(old, name) for name in reasons if hasattr(old, name)}
        if any(name.startswith("attribute ") for name in unfitting):
            back["attributes"] = getattr(old, "attributes", {})
        return msgspec.structs.replace(one, **back), next(iter(reasons.values()))

    def _users(self, wanted: PlatformState, departments: set[str]) -> tuple[User, ...]:
        known = {user.id: user for user in self._current.users}
        kept: list[User] = []
        staying = [user for user in wanted.users if not self._is_deleted_instead(user, known)]
        for user in self._objects("user", staying, self._current.users):
            old = known.get(user.id)
            placed = user if user.department in departments else _replaced(user, department="")
            serving = self._serving(self._kept_fields(placed, old), old)
            if serving is not None:
                kept.append(serving)
        return tuple(kept)

    def _is_deleted_instead(self, user: User, known: Mapping[str, User]) -> bool:
        """Whether a user who is to be erased is deleted, so that no field of it matters."""
        if user.status != "erased" or "erased" in self._abilities.statuses:
            return False
        already = user.id in known and known[user.id].status == "erased"
        return not already and "user" in self._abilities.deletes

    def _kept_fields(self, user: User, old: User | None) -> User:
        """The user without fields that the platform does not keep: those stay as they are there."""
        fields = self._abilities.fields.get("user")
        if fields is None:
            return user
        former = old or User("", "")
        lost = {name: getattr(former, name) for name in _PROFILE if name not in fields}
        if "attributes" not in fields:
            lost["attributes"] = former.attributes
        return _replaced(user, **lost)

    def _serving(self, user: User, old: User | None) -> User | None:
        """The user with a status that the platform has; None for a new one that cannot have it."""
        status = instead_of(user.status, self._abilities)
        if status is not None:
            return user if status == user.status else _replaced(user, status=status)
        if old is not None and user.status == old.status:
            return user  # as it is there, whatever the adapter says it has
        why = f"the platform has no status for {user.status}"
        if user.status == "erased":
            why = "the platform can neither erase nor delete a user"
        self._skip("user", user, why, old is not None)
        return old

    def _grants(self, wanted: Iterable[Grant], users: Iterable[User]) -> tuple[Grant, ...]:
        grants = tuple(wanted)
        if self._abilities.several_roles:
            return grants
        by_user: dict[str, list[Grant]] = {}
        for grant in grants:
            by_user.setdefault(grant.user, []).append(grant)
        named = {user.id: user for user in users}
        now = {(grant.user, grant.role) for grant in self._current.grants}
        kept: list[Grant] = []
        for own, several in by_user.items():
            if len(several) == 1:
                kept += several
                continue
            kept += [grant for grant in several if (grant.user, grant.role) in now][:1]
            if own in named:
                roles = ", ".join(sorted(grant.role for grant in several))
                why = f"the platform gives a user one role, and the rules give {roles}"
                self._skip("user", named[own], why, True)
        return tuple(kept)

    def _renamable(self, wanted: Iterable[Group], kept: Iterable[Group]) -> set[str]:
        """The groups with the name they are to have. The others are held and gain no members."""
        names = {group.id: group.name for group in wanted}
        return {group.id for group in kept if names.get(group.id, group.name) == group.name}

    def _memberships(
        self,
        wanted: Iterable[Membership],
        users: Iterable[User],
        groups: set[str],
        held: set[str],
    ) -> tuple[Membership, ...]:
        now = {(link.user, link.group) for link in self._current.memberships}
        staying = {user.id for user in users}
        return tuple(
            link
            for link in wanted
            if link.user in staying
            and link.group in groups
            and (link.group not in held or (link.user, link.group) in now)
        )

    def _with_what_they_need(
        self, users: tuple[User, ...], grants: tuple[Grant, ...], links: tuple[Membership, ...]
    ) -> tuple[tuple[User, ...], tuple[Grant, ...]]:
        """Users have to have what the platform demands of each: a role, a group, a department."""
        if not self._abilities.needs:
            return users, grants
        with_role = {grant.user for grant in grants}
        with_group = {link.user for link in links}
        having: dict[str, Callable[[User], bool]] = {
            "role": lambda user: user.id in with_role,
            "group": lambda user: user.id in with_group,
            "department": lambda user: bool(user.department),
        }
        known = {user.id for user in self._current.users}
        kept: list[User] = []
        for user in users:
            lacking = [need for need in sorted(self._abilities.needs) if not having[need](user)]
            if lacking and user.status != "erased":
                why = f"the platform wants every user to have a {' and a '.join(lacking)}"
                self._skip("user", user, why, user.id in known)
                if user.id not in known:
                    continue
            kept.append(user)
        return tuple(kept), grants


def _replaced(user: User, **fields: object) -> User:
    return msgspec.structs.replace(user, **fields)


def _name(one: User | Group | Department) -> str:
    if isinstance(one, User):
        return one.username
    return one.name if isinstance(one, Group) else one.title


_REFERENCES: Final = frozenset({"department", "manager"})


def _values(one: User | Group | Department) -> dict[str, str]:
    """The texts of an object that have to fit, by the names that abilities use."""
    if isinstance(one, Group):
        return {"group": one.name, "name": one.name}
    if isinstance(one, Department):
        return {"department": one.title, "title": one.title}
    values = {name: getattr(one, name) for name in _PROFILE if name not in _REFERENCES}
    return values | {f"attribute {name}": value for name, value in one.attributes.items()}


def _texts(one: User | Group | Department) -> dict[str, str]:
    """The fields of an object that a platform may not be able to change; references are ids."""
    if isinstance(one, Group):
        return {"name": one.name}
    if isinstance(one, Department):
        return {"title": one.title, "parent": one.parent}
    return {name: getattr(one, name) for name in _PROFILE}
