"""Whether an object of the target state fits a platform: values, fixed fields, statuses."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from reconcile.model.platform import Abilities, Department, Group, ObjectKind, Status, User
from reconcile.model.text.instants import instant
from reconcile.model.text.printing import quoted

Mirrored: TypeAlias = User | Group | Department
Object = TypeVar("Object", User, Group, Department)

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
TEXTS: Final = ("username", "first_name", "last_name", "email")
"""The fields of a user that are texts of the directory."""
PROFILE: Final = (*TEXTS, "department", "manager")
"""The fields of a user, without the attributes, that a platform may not keep or change."""
_LARGEST: Final = {"basic": 0xFFFF, "latin-1": 0xFF, "ascii": 0x7F}
_CHARSETS: Final = {
    "basic": "characters beyond Unicode's basic plane",
    "latin-1": "characters beyond Latin-1",
    "ascii": "characters beyond ASCII",
}


def instead_of(status: Status, abilities: Abilities) -> Status | None:
    """The status that a user gets if the platform lacks the wanted one; None for none."""
    if status in abilities.statuses:
        return status
    return next((other for other in INSTEAD.get(status, ()) if other in abilities.statuses), None)


def name_of(mirrored: Mirrored) -> str:
    """A username, the name of a group, or the title of a department."""
    if isinstance(mirrored, User):
        return mirrored.username
    return mirrored.name if isinstance(mirrored, Group) else mirrored.title


class _Value(NamedTuple):
    """A text that has to fit: the field it is in, what messages call it, and its length's name."""

    field: str
    called: str
    length: str
    text: str

    def why_unfit(self, abilities: Abilities) -> str:
        """Why it cannot be kept; "" where it can. Characters are counted elsewhere."""
        largest = _LARGEST.get(abilities.charset)
        plain = self.text.isascii()
        if largest is not None and not plain and max(map(ord, self.text)) > largest:
            beyond = _CHARSETS[abilities.charset]
            return f"the {self.called} has {beyond}, which the platform cannot keep"
        times = abilities.times
        is_time = bool(times) and self.called.removeprefix("attribute ") in times
        if is_time and self.text and instant(self.text) is None:
            return f"the {self.called} is no time: {quoted(self.text)}"
        length = abilities.lengths.get(self.length, 0) if abilities.lengths_in == "bytes" else 0
        if length and len(self.text.encode()) > length:
            return (
                f"the {self.called} has more than {length} bytes, which is all the platform keeps"
            )
        return ""


def _values(mirrored: Mirrored) -> Iterator[_Value]:
    """The texts of an object that have to fit."""
    if isinstance(mirrored, Group):
        yield _Value("name", "group", "group", mirrored.name)
    elif isinstance(mirrored, Department):
        yield _Value("title", "department", "department", mirrored.title)
    else:
        for field in TEXTS:
            yield _Value(field, field, field, getattr(mirrored, field))
        for name, text in mirrored.attributes.items():
            yield _Value("attributes", f"attribute {name}", "attribute", text)


def fitted(
    kind: ObjectKind,
    wanted: Object,
    old: Object | None,
    abilities: Abilities,
    name_refused: str = "",
) -> tuple[Object | None, str]:
    """The object as the platform can have it, and why that is not as it is wanted, "" if it is.

    `name_refused` says why it cannot have its name, "" if it can. None for a new one that the
    platform cannot have. One that exists keeps the fields that cannot
    be changed, or whose new values do not fit.
    """
    unfit = _unfit_fields(wanted, abilities)
    if name_refused:
        unfit[NAMES[kind]] = name_refused
    if old is None:
        return (None, next(iter(unfit.values()))) if unfit else (wanted, "")
    kept = unfit | _fixed_fields(kind, wanted, old, abilities)
    if not kept:
        return wanted, ""
    former = {field: getattr(old, field) for field in kept}
    return msgspec.structs.replace(wanted, **former), next(iter(kept.values()))


def _unfit_fields(wanted: Mirrored, abilities: Abilities) -> dict[str, str]:
    """Field → why its value does not fit."""
    unfit: dict[str, str] = {}
    for value in _values(wanted):
        if why := value.why_unfit(abilities):
            unfit.setdefault(value.field, why)
    if why := _unfit_entry(wanted.dn, abilities):
        unfit["dn"] = why
    return unfit


def _unfit_entry(dn: str, abilities: Abilities) -> str:
    """Why a platform that keeps DNs cannot keep this one; "" where it can, or keeps none."""
    length = abilities.lengths.get("dn", 0)
    if not length or len(dn) <= length:
        return _Value("dn", "DN", "", dn).why_unfit(abilities) if length else ""
    return f"the DN has more than {length} characters, which is all the platform keeps"


def _fixed_fields(
    kind: ObjectKind, wanted: Mirrored, old: Mirrored, abilities: Abilities
) -> dict[str, str]:
    """Field that is to change and cannot → why."""
    return {
        field: f"the platform cannot change the {field} of a {kind}"
        for field in sorted(abilities.fixed.get(kind, ()))
        if field in _CHANGEABLE[kind] and getattr(wanted, field) != getattr(old, field)
    }


_CHANGEABLE: Final[Mapping[ObjectKind, frozenset[str]]] = {
    "group": frozenset({"name"}),
    "department": frozenset({"title", "parent"}),
    "user": frozenset(PROFILE),
}
"""The fields that a platform may not be able to change."""
