"""Memberships, grants and nested groups: many links in one call, one call at a time for a group."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

from reconcile.model.book import Tie
from reconcile.model.change import Change, mapping, nested_in
from reconcile.model.platform import LinkKind, Pair
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.running.steps import New, Planned, Result
from reconcile.platforms.resolve import Unknown, text


def write(batch: Batch) -> None:
    """Memberships or grants that are made, change hands or end."""
    kind = cast("LinkKind", batch.changes[0].kind)
    action = batch.changes[0].action
    by_holder: dict[str, list[tuple[int, Pair]]] = {}

    def prepare(place: int, change: Change) -> None:
        pair = _pair(batch, kind, change)
        if action == "update":
            origin = text(change.fields_after, "origin")
            batch.plan(Planned(place, (Tie(kind, pair, origin),)))
        else:
            by_holder.setdefault(pair[1], []).append((place, pair))

    batch.each(batch.places, prepare)
    abilities = batch.workspace.abilities
    size = max(1, abilities.links_per_call)
    if kind == "grant" and abilities.grants_per_call:
        size = abilities.grants_per_call
    for holder, pairs in by_holder.items():
        for start in range(0, len(pairs), size):
            batch.plan(_call(batch, kind, holder, pairs[start : start + size]))


def _pair(batch: Batch, kind: LinkKind, change: Change) -> Pair:
    names = batch.workspace.names
    if change.action == "create":
        user, holder = names.new_link(change)
        if (user, holder) in batch.workspace.links[kind]:
            raise Unknown("it already exists")
    else:
        user, holder = names.link(change)
    user = batch.workspace.platform_id("user", user)
    if kind == "membership":
        holder = batch.workspace.platform_id("group", holder)
    return user, holder


def _call(batch: Batch, kind: LinkKind, holder: str, pairs: Sequence[tuple[int, Pair]]) -> Planned:
    making = batch.changes[pairs[0][0]].action == "create"
    return Planned(
        pairs[0][0],
        (),
        "link" if making else "unlink",
        kind,
        pairs=tuple(pair for _, pair in pairs),
        places=tuple(place for place, _ in pairs),
        origins=tuple(
            text(batch.changes[place].fields_after, "origin") if making else ""
            for place, _ in pairs
        ),
        lane="" if kind == "grant" else f"{kind} {holder}",
    )


def halves(step: Planned, result: Result) -> list[Planned]:
    """What is left to try of a call whose links were refused together: each half by itself."""
    if result.state != "refused" or len(step.pairs) < 2:
        return []
    middle = len(step.pairs) // 2
    return [_part(step, slice(None, middle)), _part(step, slice(middle, None))]


def _part(step: Planned, part: slice) -> Planned:
    return Planned(
        step.places[part][0],
        (),
        step.operation,
        step.kind,
        pairs=step.pairs[part],
        places=step.places[part],
        origins=step.origins[part],
        lane=step.lane,
    )


def refuse_lost_nestings(batch: Batch, places: Sequence[int]) -> list[int]:
    """Those of the new groups that can be nested as they are to be; the others fail beforehand.

    Who is to be in one that fails, fails too.
    """
    coming = {text(batch.changes[place].fields_after, "name"): place for place in places}
    left = list(places)
    while lost := _lost_nestings(batch, left, coming):
        batch.failed |= lost
        left = [place for place in left if place not in lost]
        for place in lost:
            coming.pop(text(batch.changes[place].fields_after, "name"), None)
    return left


def _lost_nestings(
    batch: Batch, places: Sequence[int], coming: Mapping[str, int]
) -> dict[int, str]:
    """Place → why a group cannot be nested as it is to be."""
    whys = {place: _lost_nesting(batch, place, coming) for place in places}
    return {place: why for place, why in whys.items() if why}


def _lost_nesting(batch: Batch, place: int, coming: Mapping[str, int]) -> str:
    own = text(batch.changes[place].fields_after, "name")
    for name in nested_in(batch.changes[place]):
        if name == own:
            return "a group cannot be in itself"
        if name not in batch.workspace.names.groups and name not in coming:
            return f"the group {name!r} does not exist"
    return ""


def nest(batch: Batch, place: int, step: int, coming: Mapping[str, int]) -> None:
    """Puts a group that a step creates into the groups that its change names.

    `coming`: name → the step that creates it, for groups of the same batch.
    """
    workspace = batch.workspace
    for name, origin in mapping(batch.changes[place].fields_after, "groups").items():
        above: str | New
        after: tuple[int, ...] = (step,)
        if name in workspace.names.groups:
            above = workspace.platform_id("group", workspace.names.groups[name])
        else:
            above = New(coming[name])
            after = (step, coming[name])
        planned = _link("nesting", place, "link", (New(step), above), origin or "")
        planned.after = after
        planned.because = planned.without = f"but not within group {name}, which failed"
        batch.plan(planned)


def renest(batch: Batch, place: int, change: Change) -> None:
    """Takes a group out of groups, and puts it into others."""
    workspace = batch.workspace
    own = workspace.names.row(change)
    out, into = workspace.names.nesting(change)
    if own in into:
        raise Unknown("a group cannot be in itself")
    member = workspace.platform_id("group", own)
    already = _above(batch, own)
    for above in sorted(out - into.keys()):
        pair = member, workspace.platform_id("group", above)
        batch.plan(_link("nesting", place, "unlink", pair))
    for above, origin in into.items():
        pair = member, workspace.platform_id("group", above)
        if above in already:  # only who nested it there changes
            batch.plan(Planned(place, (Tie("nesting", pair, origin),)))
        else:
            batch.plan(_link("nesting", place, "link", pair, origin))


def _above(batch: Batch, own: str) -> frozenset[str]:
    """The groups that a group was in when the workspace was read."""
    return batch.workspace.nested.get(own, frozenset())


def _link(
    kind: LinkKind,
    place: int,
    operation: Literal["link", "unlink"],
    pair: tuple[str | New, str | New],
    origin: str = "",
) -> Planned:
    """The step that makes or ends one link."""
    return Planned(
        place,
        (),
        operation,
        kind,
        pairs=(pair,),
        places=(place,),
        origins=(origin,),
        lane="" if kind == "grant" else f"{kind} {pair[1]}",
    )


def end_all(batch: Batch, place: int, own: str) -> tuple[list[int], list[Planned]]:
    """Ends every membership and grant of a user.

    Returns the numbers of the steps, and the steps that take them back. The links end before the
    user is erased: a run that dies in between leaves a user who is erased by the next.
    """
    workspace = batch.workspace
    user = workspace.platform_id("user", own)
    numbers: list[int] = []
    back: list[Planned] = []
    for kind in _OF_USERS:
        links = workspace.links[kind]
        for holder in sorted(holder for member, holder in links if member == own):
            end = workspace.platform_id("group", holder) if kind == "membership" else holder
            numbers.append(batch.plan(_link(kind, place, "unlink", (user, end))))
            back.append(_link(kind, place, "link", (user, end), links[own, holder]))
    return numbers, back


_OF_USERS: Final[tuple[LinkKind, ...]] = ("membership", "grant")


def lead_no_more(batch: Batch, place: int, own: str, after: int) -> None:
    """Once a user is erased, takes it from those it leads."""
    workspace = batch.workspace
    for led, manager in workspace.managers.items():
        if manager == own and ("user", led) in workspace.theirs:
            target = workspace.platform_id("user", led)
            step = Planned(place, (), "update", "user", target, {"manager": ""}, after=(after,))
            step.without = "but it is still named as a manager"
            batch.plan(step)
