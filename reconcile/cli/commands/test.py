"""`test`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.logs import each_once
from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.strict import strict_exit, strict_option
from reconcile.cli.terminal.quiet import quiet_option
from reconcile.errors import Unreadable

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.cli.checklist import Checklist, Place
    from reconcile.config import Loaded
    from reconcile.model.desired import Source
    from reconcile.planning import RuleCount
    from reconcile.ports import Check, Progress


@click.command(short_help="Connect to everything; count what is found.")
@paths_argument
@format_option("text", "json")
@strict_option("when a rule finds nothing")
@scope_options
@variable_option
@quiet_option
@output_options
@click.pass_context
def test(
    context: click.Context,
    paths: tuple[Path, ...],
    form: str,
    strict: bool,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Connect to every server and to the platform, and count what each rule finds. Changes nothing.

    Prints one line for each server and search, then one for each pattern of the rules: how many
    persons, groups or OUs it finds, and similar names if it finds none. Rules for sources that
    cannot be read are left out. Below a check that fails is where its setting is in the files, and
    what the server itself says that helps.
    """
    import msgspec

    from reconcile import planning
    from reconcile.app import adapters, inputs
    from reconcile.app.notices import placing
    from reconcile.cli.checklist import Checklist, each_server
    from reconcile.model.change import Scope, not_clean

    loaded = inputs.configuration(paths, variables)
    chosen = inputs.chosen_sources(loaded.desired, sources)
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    settings = msgspec.structs.replace(loaded.desired.platform, workspaces=names)
    with progress() as tell, each_once("reconcile.directories"):
        servers = [name for source in chosen for name, _ in each_server(source)]
        checklist = Checklist(servers, tell, silent=form == "json")
        usable = [_usable(source, loaded, checklist, tell) for source in chosen]
        readable = tuple(source.name for source in usable if source is not None)
        loaded = _narrowed(loaded, usable)
        with closing(adapters.platform(settings, tell)) as platform:
            sound = checklist.show("platform", platform.check(), _placing(loaded, "platform"))
            current = inputs.readable(platform, names)[0] if sound else ()
            counts: Sequence[RuleCount] = ()
            if readable:
                scope = Scope(workspaces, readable)
                read = inputs.collected(loaded, scope, variables, platform, current, tell)
                with placing(loaded):
                    counts = planning.rule_counts(read)
        for name, detail, empty in _rules(loaded, counts):
            checklist.show_rule(name, detail, empty=empty)
    if form == "json":
        click.echo(_as_json(loaded, checklist, counts))
    if checklist.failed:
        context.exit(Unreadable.exit_code)
    context.exit(strict_exit(not_clean(tuple(planning.finds_nothing(counts)))) if strict else 0)


def _as_json(loaded: "Loaded", checklist: "Checklist", counts: Sequence["RuleCount"]) -> str:
    """Whether every check passed, the checks, and what each rule finds."""
    from reconcile.render.json import as_text

    rules = [
        {
            "path": placed.path,
            "file": placed.file,
            "line": placed.line,
            "column": placed.column,
            "sources": count.sources,
            "pattern": count.pattern,
            "what": count.what,
            "number": count.number,
            "complete": count.complete,
            "nearest": count.nearest,
        }
        for count in counts
        for placed in (loaded.places.problem(count.path, ""),)
    ]
    return as_text({"ok": not checklist.failed, "checks": checklist.noted, "rules": rules})


def _usable(
    source: "Source", loaded: "Loaded", checklist: "Checklist", tell: "Progress"
) -> "Source | None":
    """Shows the checks of each server; returns the source with the servers that passed all.

    None if no server did.
    """
    import msgspec

    from reconcile.app import adapters
    from reconcile.cli.checklist import each_server

    place = _placing(loaded, f"sources[{loaded.desired.sources.index(source)}]")
    failures: set[str] = set()
    passed: list[tuple[str, ...]] = []
    for name, server in each_server(source):
        with closing(adapters.directory(server, tell)) as directory:
            if checklist.show(name, _each_once(directory.check(), server, failures), place):
                passed.append(server.servers)
    if not passed:
        return None
    return msgspec.structs.replace(source, servers=tuple(chain.from_iterable(passed)))


def _each_once(
    checks: "Iterable[Check]", server: "Source", failures: set[str]
) -> "Iterator[Check]":
    """The checks of one server; a failure that another one had in the same way is brief."""
    for check in checks:
        reason = check.detail
        for url in server.servers:
            reason = reason.replace(url, "")
        again = not check.ok and reason in failures
        if not check.ok:
            failures.add(reason)
        yield check._replace(detail="for the same reason", hint="") if again else check


def _placing(loaded: "Loaded", above: str) -> "Place":
    """Where the settings below a path are in the files."""
    return lambda path: loaded.places.problem(f"{above}.{path}" if path else above, "")


def _narrowed(loaded: "Loaded", usable: "Sequence[Source | None]") -> "Loaded":
    """The desired state with sources that are read from the servers that passed alone.

    What is wrong with the others has been shown.
    """
    import msgspec

    named = {source.name: source for source in usable if source is not None}
    sources = tuple(named.get(source.name, source) for source in loaded.desired.sources)
    return loaded._replace(desired=msgspec.structs.replace(loaded.desired, sources=sources))


def _rules(loaded: "Loaded", counts: Sequence["RuleCount"]) -> Iterator[tuple[str, str, bool]]:
    """The source of the rule, what it finds in words, and whether it finds nothing."""
    from reconcile.planning import did_you_mean

    for count in counts:
        owner = "platform" if not count.sources else "rules"
        name = count.sources[0] if len(count.sources) == 1 else owner
        plural = "" if count.number == 1 else "s"
        result = (
            f"{count.pattern!r}: {count.number} {count.what}{plural}{did_you_mean(count.nearest)}"
        )
        yield (
            name,
            str(loaded.places.problem(count.path, result)),
            not count.number and count.complete,
        )


COMMANDS = (test,)
