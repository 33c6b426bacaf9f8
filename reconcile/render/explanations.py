"""Why a person is in or out, as text for people: one line a rule, yes or no first.

    ann (active): a user, kept up to date by corp

    Found
      yes  corp: uid=ann,ou=Sales,dc=example,dc=com, id 7d2f
           by login, username
    Rules
      yes  users.exclude  matches no pattern  # reconcile.yml:19
    Groups
      yes  cn=sales  listed as a member  # reconcile.yml:33
      no   cn=admins, cn=quality
    Roles
      yes  operator  default role: no other mapping applies  # reconcile.yml:29
    Fields
      email  "ann@example.com" ← {{ mail }}
    On the platform
      ann: active, set by corp
      groups      sales
    Next apply
      roles: operator: no mapping matches (roles.on_unmapped: default)
      nothing changes

Without a person of that name it says so, with what each source was asked and similar names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconcile.model.text import dn
from reconcile.model.views.explanation import (
    Explained,
    Explanation,
    FieldResult,
    GracePeriod,
    GroupResult,
    NameWithOrigin,
    PlatformUser,
    RoleResult,
    RuleResult,
    Searched,
    Stray,
    WorkspaceResult,
)
from reconcile.render.layout import aligned, and_more, around, indented, joined, section
from reconcile.render.paint import Paint, paint_for
from reconcile.render.text import change_lines
from reconcile.render.wording import printable

_ON_THE_PLATFORM = " on the platform"
_SHOWN = 12
"""How many names a line of names has."""


def explanation_text(explanation: Explanation, *, colour: bool) -> str:
    """All people that a name means, one after the other; its last line without a newline."""
    paint = paint_for(colour=colour)
    searched = {source.source: source for source in explanation.sources}
    blocks = [_heading(explanation, paint)]
    blocks += (_person(person, searched, paint) for person in explanation.people)
    blocks.append(_violations(explanation, paint))
    return "\n\n".join(filter(None, map("\n".join, blocks)))


def _heading(explanation: Explanation, paint: Paint) -> Iterator[str]:
    """What is said first where the name does not mean exactly one person."""
    number = len(explanation.people)
    if number == 0:
        yield from _nobody(explanation, paint)
    elif number > 1:
        yield f"{printable(explanation.asked)} means {number} people."


def _nobody(explanation: Explanation, paint: Paint) -> Iterator[str]:
    """How the name was searched, the groups that list it all the same, and similar names."""
    asked = printable(explanation.asked)
    yield paint(f"'{asked}' was not found in any source or on the platform.", "bold")
    for source in explanation.sources:
        yield f"  {printable(source.source)}: {_no_match(source)}"
    for skip in explanation.dangling:
        yield f"  {printable(skip.dn)} is {printable(skip.detail)}"
    if explanation.similar:
        yield f"Did you mean {joined(explanation.similar)}?"


def _violations(explanation: Explanation, paint: Paint) -> Iterator[str]:
    """The warning that what is said about the next apply will not happen."""
    title = "The next apply does none of this: the guards refuse the full plan."
    violations = explanation.violations
    lines = (f"{printable(each.code)}: {printable(each.detail)}" for each in violations)
    return _section(title, lines, paint)


def _person(person: Explained, searched: Mapping[str, Searched], paint: Paint) -> Iterator[str]:
    """Whether the person is in, how each source and rule sees that, and what follows from it."""
    username = next(filter(None, (standing.username for standing in person.workspaces)), person.dn)
    for standing in person.workspaces:
        status = around(" (", _status(standing.user), ")")
        where = around(" in workspace ", _workspace(standing, person))
        verdict = f"{printable(username)}{status}{where}: {printable(standing.why)}"
        yield paint(verdict, "bold")
    yield ""
    yield from _section("Found", _sources(person, searched, paint), paint)
    if person.in_directory:
        yield from _verdicts(person, paint)
    for standing in person.workspaces:
        where = around(", workspace ", _workspace(standing, person))
        next_lines = _next(standing, paint, has_manager=person.manager is not None)
        yield from _section(f"On the platform{where}", _platform(standing), paint)
        yield from _section(f"Next apply{where}", next_lines, paint)


def _workspace(standing: WorkspaceResult, person: Explained) -> str:
    """The name of the workspace; "" where the person has to do with one only."""
    return printable(standing.workspace) if len(person.workspaces) > 1 else ""


def _verdicts(person: Explained, paint: Paint) -> Iterator[str]:
    """What the rules say about an entry of the directory."""
    rules = [_rule(verdict, person) for verdict in person.rules]
    roles = [_role(verdict, person) for verdict in person.roles]
    yield from _section("Rules", _rows(rules, paint), paint)
    yield from _section("Groups", _groups(person, paint), paint)
    yield from _section("Department", _department(person), paint)
    yield from _section("Roles", _rows(roles, paint), paint)
    yield from _section("Fields", _fields(person.fields), paint)
    yield from _section("Manager", _manager(person), paint)


def _section(title: str, lines: Iterable[str], paint: Paint) -> Iterator[str]:
    """The lines, indented below their title; nothing where there are none."""
    return section(paint(title, "bold"), indented(lines))


def _sources(person: Explained, searched: Mapping[str, Searched], paint: Paint) -> Iterator[str]:
    """Where the person was found, or why in none of the sources; and by which of their names."""
    on_the_platform = {name + _ON_THE_PLATFORM for name in person.matched}
    # A name that the entry and the user share is named once.
    matched = ", ".join(name for name in person.matched if name not in on_the_platform)
    identity = around(", id ", printable(person.external_id))
    own = [searched[person.source]] if person.source in searched else []
    strays = [stray for source in own for stray in source.strays if stray.dn == person.dn]
    if person.in_directory:
        yield f"{_mark(True, paint)}{_place(person.source, person.dn)}{identity}"
        yield f"     by {matched}"
    elif strays:
        yield from _strays(strays, person.source, f"     by {matched}", paint, identity)
    else:
        yield from _without_match(own or searched.values(), paint)
        yield f"     by {matched}{identity}"


def _strays(
    strays: Iterable[Stray], source: str, matched: str, paint: Paint, identity: str
) -> Iterator[str]:
    """Each entry of the person that the rules on persons leave out, and the rule that does."""
    for stray in strays:
        rule = f"{_short(stray.rule)}: {printable(stray.why)}{_origin(stray.origin)}"
        yield f"{_mark(False, paint)}{_place(source, stray.dn)} exists{identity}"
        yield f"{matched}; but {rule}"


def _without_match(sources: Iterable[Searched], paint: Paint) -> Iterator[str]:
    """The sources in which the name means none of the persons."""
    for source in sources:
        if not source.found:
            yield f"{_mark(False, paint)}{printable(source.source)}: {_no_match(source)}"


def _place(source: str, name: str) -> str:
    """An entry of a source, by its DN."""
    return f"{printable(source)}: {printable(name)}"


def _no_match(source: Searched) -> str:
    """How many persons a source was searched for the name, and by which rule they were read."""
    rule = printable(f"{source.by.filter or 'found'} below {source.by.base}")
    return f"none of {source.persons} persons ({rule}), and no other entry below the base DN"


_Row = tuple[bool, str, str, str]
"""Yes or no, which rule, why, where it comes from."""


def _rows(rows: Sequence[_Row], paint: Paint) -> Iterator[str]:
    """A line a row, with the reasons in one column."""
    reasons = [(rule, f"{why}{_origin(origin)}") for _, rule, why, origin in rows]
    for (passes, *_), line in zip(rows, aligned(reasons), strict=True):
        yield f"{_mark(passes, paint)}{line}"


def _rule(verdict: RuleResult, person: Explained) -> _Row:
    """Whether a rule on users lets the person pass."""
    why = _with_path(verdict.why, verdict.path, person)
    return verdict.passes, _short(verdict.rule), why, verdict.origin


def _role(verdict: RoleResult, person: Explained) -> _Row:
    """Whether a role mapping applies to the person."""
    why = _with_path(verdict.why, verdict.path, person)
    return verdict.matches, printable(verdict.role), why, verdict.origin


def _groups(person: Explained, paint: Paint) -> Iterator[str]:
    """A row for each group the person is or may be in; then the names of all others."""
    related: list[_Row] = []
    others: list[str] = []
    unselected: list[str] = []
    for verdict in person.groups:
        if not verdict.selected:
            unselected.append(_name(verdict.dn))
        elif _is_related(verdict):
            related.append(_group(verdict, person))
        else:
            others.append(_name(verdict.dn))
    yield from _rows(related, paint)
    if others:
        yield f"{_mark(False, paint)}{_listed(others)}"
    if unselected:
        yield f"     in the directory also in {_listed(unselected)}, which no rule selects"


def _is_related(verdict: GroupResult) -> bool:
    """Whether there is more to say of a group than that the person is not in it."""
    return verdict.member or bool(verdict.path) or not verdict.known


def _group(verdict: GroupResult, person: Explained) -> _Row:
    """Whether the person is a member of a selected group, and through which groups."""
    # A path of one group is a direct membership, for which the row says enough.
    path = verdict.path if len(verdict.path) > 1 else ()
    why = _with_path(verdict.why, path, person)
    return verdict.member, _name(verdict.dn), why, verdict.origin


def _department(person: Explained) -> Iterator[str]:
    """The selected OUs above the person, topmost first, and the rule that selects the nearest."""
    department = person.department
    if department is not None:
        path = around("", " / ".join(map(_name, department.path)), "  ")
        yield f"{path}{printable(department.why)}{_origin(department.origin)}"


def _fields(fields: Sequence[FieldResult]) -> Iterable[str]:
    """A line for each template."""
    return aligned([(printable(verdict.field), _field(verdict)) for verdict in fields])


def _field(verdict: FieldResult) -> str:
    """The value a template makes, or why it makes none; the roles it is for; the template."""
    if verdict.value is None:
        value = f"nothing, {printable(verdict.why)}"
    else:
        value = f'"{printable(verdict.value)}"'
    roles = around(" (for role ", joined(verdict.roles), ")")
    return f"{value}{roles} ← {printable(verdict.template)}{_origin(verdict.origin)}"


def _manager(person: Explained) -> Iterator[str]:
    """The entry that the directory names as manager, and what the rules make of it."""
    if person.manager is not None:
        yield around("", printable(person.manager.dn), ": ") + person.manager.why


def _platform(standing: WorkspaceResult) -> Iterator[str]:
    """The user as the platform has it, how it came to its entry, and its grace period."""
    user = standing.user
    if user is None:
        yield "no user"
        return
    yield f"{printable(user.username)}: {_status(user)}, {printable(user.status_why)}"
    for name, text in _belongings(user).items():
        if text:
            yield f"{name:<10}  {text}"
    if standing.tie is not None:
        when = printable(f"run {standing.tie.run}, {standing.tie.at}")
        yield f"{'tied':<10}  {printable(standing.tie.how)} ({when})"
    if standing.grace is not None:
        yield _grace(standing.grace)


def _status(user: PlatformUser | None) -> str:
    """The status in words; "" without a user."""
    return printable(user.status.replace("_", " ")) if user is not None else ""


def _belongings(user: PlatformUser) -> dict[str, str]:
    """What a user has on the platform; "" for what it does not have."""
    return {
        "roles": _with_origin(user.roles),
        "groups": _with_origin(user.groups),
        "department": printable(user.department),
        "manager": printable(user.manager),
    }


def _with_origin(items: Iterable[NameWithOrigin]) -> str:
    """Roles or groups of a user; those not given by a source are marked."""
    return ", ".join(
        printable(item.name) if item.origin else f"{printable(item.name)} (by hand)"
        for item in items
    )


def _grace(grace: GracePeriod) -> str:
    """Since when the person is gone, and what happens at the end of the grace period."""
    cause, then = grace.cause.replace("_", " "), grace.then or "nothing more"
    if not grace.since:
        return f"{cause}: the next apply begins the grace period, after which: {then}"
    due = f"; due {grace.due}: {then}" if grace.due else ""
    return f"{cause} since {grace.since}{due}"


def _next(standing: WorkspaceResult, paint: Paint, *, has_manager: bool) -> Iterator[str]:
    """The roles and the manager that the rules give, and what the next apply does about it."""
    yield from _result(standing, has_manager=has_manager)
    for skip in standing.skips:
        yield f"{paint('!', '!')} {skip.code}: {printable(skip.sentence)}"
    for change in standing.changes:
        yield from (line.removeprefix("  ") for line in change_lines(change, paint))
    if not standing.changes:
        yield "nothing changes"


def _result(standing: WorkspaceResult, *, has_manager: bool) -> Iterator[str]:
    """What the rules come to, for a person who is a user or is to be one."""
    if standing.roles is None:
        return
    yield f"roles: {_or_none(joined(standing.roles))}: {standing.roles_why}"
    if has_manager and standing.manager is not None:
        yield f"manager: {_or_none(printable(standing.manager))}"


def _or_none(names: str) -> str:
    """Names, or that the rules give none."""
    return names or "none"


def _mark(passes: bool, paint: Paint) -> str:
    """`yes` or `no` with the space after it, as a column of five characters."""
    return f"{paint('yes', '+')}  " if passes else f"{paint('no', '-')}   "


def _short(rule: str) -> str:
    """A place without the source it is in and its number in a list."""
    name = rule.partition("].")[2] if rule.startswith("sources[") else rule
    return name.partition("[")[0]


def _origin(origin: str) -> str:
    """A comment with the place a rule comes from, unless it is a default of ours."""
    return "" if origin == "built-in" else around("  # ", printable(origin))


def _with_path(why: str, path: Sequence[str], person: Explained) -> str:
    """The reason, after the groups that lead to the person if there are any."""
    if not path:
        return printable(why)
    return f"{' → '.join([*map(_name, path), _name(person.dn)])}: {printable(why)}"


def _name(name: str) -> str:
    """The first component of a DN."""
    return printable(dn.rdn(name))


def _listed(names: Sequence[str]) -> str:
    more = around("", and_more(names, _SHOWN), " (--format json)")
    return ", ".join(names[:_SHOWN]) + more
