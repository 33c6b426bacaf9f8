"""Why a person is in or out, as text for people: one line per rule, yes or no first."""

from collections.abc import Iterable, Iterator, Sequence

from reconcile.model.explanation import (
    Explained,
    Explanation,
    FieldVerdict,
    Given,
    Held,
    Searched,
    Standing,
)
from reconcile.model.text import dn
from reconcile.render import wording
from reconcile.render.text import Paint, changed, painted, plain

_THERE = " on the platform"
_SHOWN = 12
"""How many names a line of names has."""


def explanation_text(found: Explanation, *, colour: bool) -> str:
    """All people that a name means, one after the other; its last line without a newline."""
    paint = painted if colour else plain
    lines: list[str] = []
    if not found.people:
        asked = wording.printable(found.asked)
        lines.append(
            paint(
                f"{asked} was not found in any source or on the platform.",
                "bold",
            )
        )
        lines += [f"  {wording.printable(one.source)}: {_searched(one)}" for one in found.sources]
        lines += [
            f"  {wording.printable(skip.dn)} is {wording.printable(skip.detail)}"
            for skip in found.dangling
        ]
        if found.similar:
            lines.append(f"Did you mean {', '.join(map(wording.printable, found.similar))}?")
    elif len(found.people) > 1:
        lines += [f"{wording.printable(found.asked)} means {len(found.people)} people.", ""]
    searched = {one.source: one for one in found.sources}
    for at, one in enumerate(found.people):
        lines += [""] * (at > 0)
        lines += _one(one, searched, paint)
    if found.violations:
        lines += [
            "",
            paint("The next apply does none of this: the guards refuse the full plan.", "bold"),
        ]
        lines += [
            f"  {wording.printable(one.code)}: {wording.printable(one.detail)}"
            for one in found.violations
        ]
    return "\n".join(lines)


def _one(one: Explained, searched: dict[str, Searched], paint: Paint) -> Iterator[str]:
    several = len(one.workspaces) > 1
    name = wording.printable(
        next((standing.username for standing in one.workspaces if standing.username), one.dn)
    )
    for standing in one.workspaces:
        where = f" in workspace {wording.printable(standing.workspace)}" if several else ""
        status = f" ({_status(standing.user)})" if standing.user is not None else ""
        yield paint(f"{name}{status}{where}: {wording.printable(standing.why)}", "bold")
    yield ""
    yield from _section("Found", _found(one, searched, paint), paint)
    if one.in_directory:
        yield from _section("Rules", _rows(_rules(one), paint), paint)
        yield from _section("Groups", _groups(one, paint), paint)
        yield from _section("Department", _department(one), paint)
        yield from _section("Roles", _rows(_roles(one), paint), paint)
        yield from _section("Fields", _fields(one.fields), paint)
        yield from _section("Manager", _manager(one), paint)
    for standing in one.workspaces:
        where = f", workspace {wording.printable(standing.workspace)}" if several else ""
        yield from _section(f"On the platform{where}", _platform(standing), paint)
        yield from _section(
            f"Next apply{where}", _next(standing, one.manager is not None, paint), paint
        )


def _section(title: str, lines: Iterable[str], paint: Paint) -> Iterator[str]:
    body = list(lines)
    if body:
        yield paint(title, "bold")
        yield from (f"  {line}" for line in body)


def _found(one: Explained, searched: dict[str, Searched], paint: Paint) -> Iterator[str]:
    matched = ", ".join(
        name
        for name in one.matched
        if name.removesuffix(_THERE) not in one.matched or _THERE not in name
    )
    identity = f", id {wording.printable(one.external_id)}" if one.external_id else ""
    if one.in_directory:
        where = f"{wording.printable(one.source)}: {wording.printable(one.dn)}"
        yield f"{_mark(True, paint)}  {where}{identity}"
        yield f"     by {matched}"
        return
    looked = searched.get(one.source)
    strays = [stray for stray in looked.strays if stray.dn == one.dn] if looked is not None else []
    for stray in strays:
        where = f"{wording.printable(one.source)}: {wording.printable(stray.dn)}"
        yield f"{_mark(False, paint)}   {where} is there{identity}"
        why = f"{_short(stray.rule)}: {wording.printable(stray.why)}"
        yield f"     by {matched}; but {why}{_origin(stray.origin)}"
    for other in (looked,) if looked is not None else searched.values():
        if not strays and not other.found:
            yield f"{_mark(False, paint)}   {wording.printable(other.source)}: {_searched(other)}"
    if not strays:
        yield f"     by {matched}{identity}"


def _searched(one: Searched) -> str:
    rule = wording.printable(f"{one.by.filter or 'found'} below {one.by.base}")
    return f"none of {one.persons} persons ({rule}), and no other entry below the base DN"


_Row = tuple[bool, str, str, str]
"""Yes or no, which rule, why, where it comes from."""


def _rows(rows: Sequence[_Row], paint: Paint) -> Iterator[str]:
    width = max((len(rule) for _, rule, _, _ in rows), default=0)
    for passes, rule, why, origin in rows:
        mark = f"{_mark(passes, paint)}{'  ' if passes else '   '}"
        yield f"{mark}{rule:<{width}}  {why}{_origin(origin)}"


def _rules(one: Explained) -> list[_Row]:
    return [(v.passes, _short(v.rule), _with(v.why, v.path, one), v.origin) for v in one.rules]


def _roles(one: Explained) -> list[_Row]:
    return [
        (v.matches, wording.printable(v.role), _with(v.why, v.path, one), v.origin)
        for v in one.roles
    ]


def _groups(one: Explained, paint: Paint) -> Iterator[str]:
    members = [v for v in one.groups if v.selected and (v.member or v.path or not v.known)]
    rows = [
        (v.member, _name(v.dn), _with(v.why, v.path if len(v.path) > 1 else (), one), v.origin)
        for v in members
    ]
    yield from _rows(rows, paint)
    others = [
        _name(v.dn) for v in one.groups if v.selected and v.known and not (v.member or v.path)
    ]
    if others:
        yield f"{_mark(False, paint)}   {_listed(others)}"
    unselected = [_name(v.dn) for v in one.groups if not v.selected]
    if unselected:
        yield f"     in the directory also in {_listed(unselected)}, which no rule selects"


def _department(one: Explained) -> Iterator[str]:
    if one.department is not None:
        found = one.department
        path = " / ".join(_name(dn) for dn in found.path)
        yield (
            f"{path}  {wording.printable(found.why)}" if path else wording.printable(found.why)
        ) + _origin(found.origin)


def _fields(fields: Sequence[FieldVerdict]) -> Iterator[str]:
    width = max((len(wording.printable(one.field)) for one in fields), default=0)
    for one in fields:
        value = (
            f'"{wording.printable(one.value)}"'
            if one.value is not None
            else f"nothing, {wording.printable(one.why)}"
        )
        roles = f" (for role {', '.join(map(wording.printable, one.roles))})" if one.roles else ""
        template = f" ← {wording.printable(one.template)}"
        field = wording.printable(one.field)
        yield f"{field:<{width}}  {value}{roles}{template}{_origin(one.origin)}"


def _manager(one: Explained) -> Iterator[str]:
    if one.manager is not None:
        yield (
            f"{wording.printable(one.manager.dn)}: {one.manager.why}"
            if one.manager.dn
            else one.manager.why
        )


def _platform(standing: Standing) -> Iterator[str]:
    held = standing.user
    if held is None:
        yield "no user"
        return
    why = wording.printable(held.status_why)
    yield f"{wording.printable(held.username)}: {_status(held)}, {why}"
    yield from _held(held)
    if standing.tie is not None:
        when = wording.printable(f"run {standing.tie.run}, {standing.tie.at}")
        yield f"{'tied':<10}  {wording.printable(standing.tie.how)} ({when})"
    if standing.grace is not None:
        yield _grace(standing)


def _status(held: Held) -> str:
    return wording.printable(held.status.replace("_", " "))


def _held(held: Held) -> Iterator[str]:
    rows = [
        ("roles", _given(held.roles)),
        ("groups", _given(held.groups)),
        ("department", wording.printable(held.department)),
        ("manager", wording.printable(held.manager)),
    ]
    yield from (f"{name:<10}  {text}" for name, text in rows if text)


def _given(given: Iterable[Given]) -> str:
    return ", ".join(
        wording.printable(one.name) + ("" if one.origin else " (by hand)") for one in given
    )


def _grace(standing: Standing) -> str:
    grace = standing.grace
    assert grace is not None  # noqa: S101 - the caller has looked
    cause, then = grace.cause.replace("_", " "), grace.then or "nothing more"
    if not grace.since:
        return f"{cause}: the next apply begins the grace period, after which: {then}"
    return f"{cause} since {grace.since}" + (f"; due {grace.due}: {then}" if grace.due else "")


def _next(standing: Standing, has_manager: bool, paint: Paint) -> Iterator[str]:
    if standing.roles is not None:
        roles = ", ".join(map(wording.printable, standing.roles)) or "none"
        yield f"roles: {roles}: {standing.roles_why}"
    if standing.roles is not None and standing.manager is not None and has_manager:
        yield f"manager: {wording.printable(standing.manager) or 'none'}"
    for skip in standing.skips:
        yield f"{paint('!', '!')} {skip.code}: {wording.printable(skip.sentence)}"
    for change in standing.changes:
        yield from (line.removeprefix("  ") for line in changed(change, paint))
    if not standing.changes:
        yield "nothing changes"


def _mark(passes: bool, paint: Paint) -> str:
    return paint("yes", "+") if passes else paint("no", "-")


def _short(rule: str) -> str:
    """A place without the source it is in and its number in a list."""
    name = rule.partition("].")[2] if rule.startswith("sources[") else rule
    return name.partition("[")[0]


def _origin(origin: str) -> str:
    return f"  # {wording.printable(origin)}" if origin and origin != "built-in" else ""


def _with(why: str, path: Sequence[str], one: Explained) -> str:
    if not path:
        return wording.printable(why)
    return f"{' → '.join([*map(_name, path), _name(one.dn)])}: {wording.printable(why)}"


def _name(name: str) -> str:
    return wording.printable(dn.rdn(name))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more (--format json)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
