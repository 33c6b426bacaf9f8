"""What a reader of a plan should know, though it hinders nothing.

To add a notice: add its code to `NoticeCode`, to `schemas/plan.schema.json` and to docs/plans.md,
and yield `Notice(code, text, path)` from a function here. Call that in `planner.notices` if it is
about the rules, in `state_notices` if it is about a workspace. `path` is that of the
rule in the desired state, "" for none; `config.places` finds the file and the line.
"""

from collections.abc import Iterable, Iterator, Sequence

from reconcile.model.desired import DesiredState, Source
from reconcile.model.notice import Notice
from reconcile.planning.selection.rule_counts import RuleCount
from reconcile.planning.selection.source_rules import SourceRules


def finds_nothing(counts: Iterable[RuleCount]) -> Iterator[Notice]:
    """A notice for each pattern that finds nothing, though everything it is about was read."""
    for count in counts:
        if not count.number and count.complete:
            yield Notice(
                code="finds_nothing",
                text=f"{_nothing(count)}{did_you_mean(count.nearest)}",
                path=count.path,
                pattern=count.pattern,
                sources=count.sources,
                nearest=count.nearest,
            )


def _nothing(count: RuleCount) -> str:
    """Where a pattern finds nothing."""
    what = f"{count.what} {count.pattern!r}"
    if not count.sources:
        return f"the platform has no {what}"
    if len(count.sources) > 1:
        return f"none of the sources {', '.join(count.sources)} has a {what}"
    return f"source {count.sources[0]} has no {what}"


def did_you_mean(nearest: Sequence[str]) -> str:
    """`; did you mean 'x' or 'y'?`, or nothing."""
    if not nearest:
        return ""
    *others, last = map(repr, nearest)
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"; did you mean {listed}?"


def nobody_selected(desired: DesiredState, sources: Iterable[str]) -> Iterator[Notice]:
    """A notice for each source whose `create` is `mapped` while no rule is about it."""
    selecting = {rule.source for rule in desired.groups}
    selecting |= {rule.source for rule in desired.departments}
    selecting |= {mapping.source for mapping in desired.role_mappings if mapping.groups}
    read = set(sources)
    for at, source in enumerate(desired.sources):
        name = source.name
        if name not in read or not _waits_for_rules(source):
            continue
        if selecting.isdisjoint({name, ""}):
            text = (
                f"no person of source {name} becomes a user: users.create is mapped (the default),"
                " and no group, department or role mapping is about it; select some, or set"
                " create: all"
            )
            yield Notice("nobody_selected", text, f"sources[{at}].users.create", sources=(name,))


def empty_groups(rules: Iterable[SourceRules]) -> Iterator[Notice]:
    """A notice for each source of which nobody becomes a user, because the groups are empty."""
    for of_source in rules:
        name, path = of_source.source.name, of_source.matches.users
        for key in of_source.groups_of_users:
            if of_source.is_empty(key):
                text = (
                    f"no person of source {name} becomes a user: no group of users.{key} has a"
                    " member that the rules find"
                )
                yield Notice("nobody_selected", text, f"{path}.{key}", sources=(name,))


def _waits_for_rules(source: Source) -> bool:
    """Whether only rules on groups, departments and roles make users of a source's persons."""
    users = source.users
    return users.create == "mapped" and not users.select and not source.register_on_login
