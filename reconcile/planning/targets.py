"""Narrowing a plan to what somebody names on the command line, and to what that needs."""

from collections.abc import Iterable

from reconcile.errors import UsageError
from reconcile.model.change import Change, Skip, makes, requirements

_KINDS = ("user", "group", "department")


def narrow(changes: tuple[Change, ...], targets: Iterable[str]) -> tuple[Change, ...]:
    """The changes of the targets (`user:jdoe`, `group:Staff`, `department:Sales/EMEA`), and what those need.

    A user brings its memberships and grants, a group its memberships. Raises UsageError for a target that is none.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return changes
    makers = {(change.workspace, *made): at for at, change in enumerate(changes) if (made := makes(change))}
    chosen = {at for at, change in enumerate(changes) if not wanted.isdisjoint(_concerns(change))}
    waiting = list(chosen)
    while waiting:
        change = changes[waiting.pop()]
        for need in requirements(change):
            at = makers.get((change.workspace, *need))
            if at is not None and at not in chosen:
                chosen.add(at)
                waiting.append(at)
    return tuple(change for at, change in enumerate(changes) if at in chosen)


def narrow_skips(skips: tuple[Skip, ...], targets: Iterable[str]) -> tuple[Skip, ...]:
    """The skips of the users that are targets; all of them where nothing is named."""
    wanted = {_parse(target) for target in targets}
    return tuple(skip for skip in skips if not wanted or ("user", skip.username.casefold()) in wanted)


def _parse(target: str) -> tuple[str, str]:
    kind, colon, name = target.partition(":")
    if not colon or kind not in _KINDS or not name:
        raise UsageError(f"not a target: {target!r}. A target is one of user:NAME, group:NAME, department:PATH")
    return kind, name.casefold()


def _concerns(change: Change) -> set[tuple[str, str]]:
    concerned = {(str(change.kind), change.key.casefold())}
    made = makes(change)
    if made is not None:
        concerned.add((made[0], made[1].casefold()))
    for fields in (change.before, change.after):
        if fields is not None and change.kind in ("membership", "grant"):
            concerned |= {(part, str(fields[part]).casefold()) for part in ("user", "group") if part in fields}
    return concerned
