"""Narrowing a plan to what somebody names on the command line, and to what that needs."""

from collections.abc import Iterable, Iterator

from reconcile.errors import UsageError
from reconcile.model.change import Change, Kind, Skip, makes, nested_in, requirements
from reconcile.model.named_state import Names
from reconcile.model.platform import PlatformState
from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name

_KINDS: tuple[Kind, ...] = ("user", "group", "department")


def narrow(changes: tuple[Change, ...], targets: Iterable[str]) -> tuple[Change, ...]:
    """The changes of the targets (`user:jdoe`, `group:Staff`, `department:Sales/EMEA`), and what those need.

    A user brings its memberships and grants, its manager if that one is new, and whoever gives up
    the name it takes; a group its memberships, what is nested in it and what it is nested in, and
    that its new members become its source's. Raises UsageError for a target that is none.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return changes
    makers = {
        (change.workspace, made[0], fold_name(made[1])): at
        for at, change in enumerate(changes)
        if (made := makes(change))
    }
    freeing = {
        (change.workspace, change.kind, fold_name(change.key)): at
        for at, change in enumerate(changes)
        if change.before is not None and (change.after is None or makes(change))
    }
    handing = {
        (change.workspace, change.kind, fold_name((makes(change) or ("", change.key))[1])): at
        for at, change in enumerate(changes)
        if change.before is not None and "source" in (change.after or {})
    }
    chosen = {at for at, change in enumerate(changes) if not wanted.isdisjoint(_concerns(change))}
    waiting = list(chosen)
    while waiting:
        change = changes[waiting.pop()]
        needs = [
            makers.get((change.workspace, kind, fold_name(name))) for kind, name in _needs(change)
        ]
        if change.kind in ("membership", "grant"):
            needs += [
                handing.get((change.workspace, kind, fold_name(name)))
                for kind, name in requirements(change)
            ]
        made = makes(change)
        if made is not None:
            needs.append(freeing.get((change.workspace, made[0], fold_name(made[1]))))
        for at in needs:
            if at is not None and at not in chosen:
                chosen.add(at)
                waiting.append(at)
    return tuple(change for at, change in enumerate(changes) if at in chosen)


def _needs(change: Change) -> Iterator[tuple[Kind, str]]:
    for kind, name in requirements(change):
        yield kind, name
        above = department_path.parent(name) if kind == "department" else ""
        while above:
            yield kind, above
            above = department_path.parent(above)
    manager = (change.after or {}).get("manager")
    if manager:
        yield "user", str(manager)
    for name in nested_in(change):
        yield "group", name


def check(
    targets: Iterable[str],
    changes: Iterable[Change],
    skips: Iterable[Skip],
    states: Iterable[PlatformState],
) -> None:
    """Raises UsageError for a target that is nowhere: not on the platform, not in the plan, not among the skipped."""
    wanted = {target: _parse(target) for target in targets}
    if not wanted:
        return
    known = {named for change in changes for named in _concerns(change)}
    known |= {("user", fold_name(skip.username)) for skip in skips}
    for state in states:
        names = Names(state)
        for kind in _KINDS:
            known |= {(str(kind), fold_name(names.key(one))) for one in names.objects(kind)}
    for target, parsed in wanted.items():
        if parsed not in known:
            what, _, name = target.partition(":")
            raise UsageError(
                f"there is no {what} {name!r}: not on the platform, not in the plan, not among the skipped"
            )


def narrow_skips(skips: tuple[Skip, ...], targets: Iterable[str]) -> tuple[Skip, ...]:
    """The skips of the users that are targets, those of groups and departments where one is, all where nothing is."""
    wanted = {_parse(target) for target in targets}
    entries = {kind for kind, _ in wanted} - {"user"}
    return tuple(
        skip
        for skip in skips
        if not wanted
        or (("user", fold_name(skip.username)) in wanted if skip.username else bool(entries))
    )


def _parse(target: str) -> tuple[str, str]:
    kind, colon, name = target.partition(":")
    if not colon or kind not in _KINDS or not name:
        raise UsageError(
            f"not a target: {target!r}. A target is one of user:NAME, group:NAME, department:PATH"
        )
    return kind, fold_name(name)


def _concerns(change: Change) -> set[tuple[str, str]]:
    concerned = {(str(change.kind), fold_name(change.key))}
    made = makes(change)
    if made is not None:
        concerned.add((made[0], fold_name(made[1])))
    for fields in (change.before, change.after):
        if fields is not None and change.kind in ("membership", "grant"):
            concerned |= {
                (part, fold_name(str(fields[part]))) for part in ("user", "group") if part in fields
            }
        nested = (fields or {}).get("groups")
        if isinstance(nested, dict):
            concerned |= {("group", fold_name(name)) for name in nested}
    return concerned
