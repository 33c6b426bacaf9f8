"""Objects that the rules delete and the platform keeps: it cannot delete them, or uses them."""

from collections.abc import Iterator, Mapping

import msgspec

from reconcile.model.platform import Abilities, Department, ObjectKind, User
from reconcile.planning.fitting import Mirrored, instead_of, name_of


def undeleted(
    kind: ObjectKind,
    doomed: Mapping[str, Mirrored],
    abilities: Abilities,
    in_use: Mapping[str, str],
) -> Iterator[tuple[Mirrored, str]]:
    """Those that stay, as they are from now on, and why.

    `doomed`: id → object that was to be deleted. A department that stays keeps all departments
    above it. A user that stays because something uses it is out of service.
    """
    if kind not in abilities.deletes:
        for thing in doomed.values():
            yield thing, f"the platform cannot delete a {kind}"
        return
    reasons = {own: f"it is in use by {in_use[own]}" for own in doomed if own in in_use}
    reasons |= _held_from_below(doomed, reasons)
    for own, why in reasons.items():
        thing = doomed[own]
        yield (_out_of_service(thing, abilities) if isinstance(thing, User) else thing), why


def _held_from_below(doomed: Mapping[str, Mirrored], kept: Mapping[str, str]) -> dict[str, str]:
    """Departments that are above one that stays → why they stay, too."""
    held: dict[str, str] = {}
    for own in kept:
        below = doomed[own]
        while isinstance(below, Department) and below.parent in doomed:
            above = below.parent
            if above in held or above in kept:
                break
            held[above] = f"the department {name_of(below)!r} below it stays"
            below = doomed[above]
    return held


def _out_of_service(user: User, abilities: Abilities) -> User:
    """A user that was to be deleted and is deactivated instead."""
    status = instead_of("inactive", abilities)
    if user.status not in ("active", "vacation") or status is None:
        return user
    return msgspec.structs.replace(
        user, status=status, status_origin=user.source, status_cause="missing"
    )
