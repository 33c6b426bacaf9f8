"""`history` and `unlock`."""

import socket
from contextlib import closing
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.guide import completing
from reconcile.cli.logs import report_error
from reconcile.cli.options import (
    colour,
    format_option,
    output_options,
    paths_argument,
    since_option,
    variable_option,
    workspace_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.terminal.pager import page
from reconcile.errors import Locked, UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from collections.abc import Mapping, Sequence

    from reconcile.app.access.history import About
    from reconcile.model.history import Link
    from reconcile.model.verification import Verification
    from reconcile.ports import ManagedPlatform

EXIT_BROKEN = 1


@click.command()
@click.argument(
    "arguments",
    nargs=-1,
    type=click.Path(path_type=Path),
    metavar="[RUN] [PATH]...",
    shell_complete=completing.runs,
)
@click.option(
    "--user",
    shell_complete=completing.users,
    metavar="NAME",
    default="",
    help="Everything done to this user, by username, DN or external id.",
)
@click.option(
    "--role",
    shell_complete=completing.roles,
    metavar="NAME",
    default="",
    help="Everything about who has this role.",
)
@click.option(
    "--group",
    shell_complete=completing.groups,
    metavar="NAME",
    default="",
    help="Everything about this group and who is in it.",
)
@since_option("Only runs since then: a date, or an age such as 7d, 12h or 2w.")
@click.option(
    "--verify", is_flag=True, help="Check that the history was not altered; exit 1 if it was."
)
@click.option(
    "--expect",
    "hashes",
    multiple=True,
    metavar="HASH",
    help="With --verify: check that a hash noted earlier still exists (repeatable).",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many runs are listed.",
)
@format_option("table", "json")
@workspace_option
@variable_option
@output_options
@click.pass_context
def history(
    context: click.Context,
    arguments: tuple[Path, ...],
    user: str,
    role: str,
    group: str,
    since: str,
    verify: bool,
    hashes: tuple[str, ...],
    limit: int,
    form: str,
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """List past runs, or show what one of them changed.

    A path that ends in .yml or .yaml, or is a folder, is desired state; anything else is the
    id of a run, or its start or end. --user takes a current or former name, in any case. --user,
    --role, --group and --since narrow each other.
    """
    from reconcile.app import adapters, inputs
    from reconcile.app.access.history import About

    run, paths = _split(arguments)
    about = About(user, role, group, since)
    if sum(map(bool, (run, any(about), verify))) > 1:
        raise UsageError(
            "a run, --verify and what narrows (--user, --role, --group, --since) cannot be"
            " combined: ask for one of them"
        )
    if hashes and not verify:
        raise UsageError("--expect needs --verify")
    loaded = inputs.configuration(paths, variables)
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as platform:
        if verify:
            context.exit(_verify(platform, names, hashes, form))
        if run:
            _show(platform, names, run, form)
        elif about.names_changes:
            _about(platform, names, about, form)
        else:
            _list(platform, names, limit, since, form)


def _split(arguments: tuple[Path, ...]) -> tuple[str, tuple[Path, ...]]:
    """The run among the arguments, "" for none, and the desired state."""
    runs = [
        path for path in arguments if path.suffix not in (".yml", ".yaml") and not path.is_dir()
    ]
    if len(runs) > 1:
        raise UsageError(f"one run at a time: {', '.join(map(str, runs))}")
    return str(runs[0]) if runs else "", tuple(path for path in arguments if path not in runs)


def _list(
    platform: "ManagedPlatform", names: tuple[str, ...], limit: int, since: str, form: str
) -> None:
    from reconcile import render

    # Each workspace in the order in which its runs took place, which is not that of their times
    # where a clock was set.
    links = list(merge(*(platform.history.runs(name, since) for name in names), key=_when))
    shown = links[-limit:]
    if form == "json":
        page(render.runs_json(shown))
    elif not links and since:
        click.echo(f"No run has started since {since}.")
    elif not links:
        click.echo(
            "No runs yet: the first `reconcile apply` that changes something starts the history."
        )
    else:
        page(render.runs_text(shown))
    if len(shown) < len(links):
        click.echo(
            f"The last {len(shown)} of {len(links)} runs; --limit {len(links)} lists all.", err=True
        )


def _when(link: "Link") -> str:
    return link.run.started


def _show(platform: "ManagedPlatform", names: tuple[str, ...], run: str, form: str) -> None:
    from reconcile import render
    from reconcile.app import undo

    run_id = undo.find(platform, names, run)
    parts = [
        (link, platform.history.entries(name, run_id))
        for name in names
        for link in platform.history.runs(name)
        if link.run.id == run_id
    ]
    page(render.run_json(parts) if form == "json" else render.run_text(parts, colour=colour()))


def _about(platform: "ManagedPlatform", names: tuple[str, ...], about: "About", form: str) -> None:
    from reconcile import render
    from reconcile.render.wording import printable

    parts = [part for name in names for part in about.parts(platform.history, name)]
    if form == "json":
        page(render.run_json(parts))
    elif parts:
        page(render.run_text(parts, colour=colour()))
    else:
        click.echo(printable(f"No run has changed {about.described()}."))


def _verify(
    platform: "ManagedPlatform", names: tuple[str, ...], hashes: tuple[str, ...], form: str
) -> int:
    import msgspec

    from reconcile.render.wording import escaped

    rows: list[dict[str, object]] = []
    missing = dict.fromkeys(text.strip().lower() for text in hashes)
    for name in names:
        verification, wrong, links = _verified(platform, name)
        for link in links[: verification.sound]:
            missing.pop(link.hash, None)
        rows.append(
            {
                "workspace": name,
                "runs": len(links),
                "changes": verification.changes,
                "removed": verification.removed,
                "hash": verification.hash,
                "broken": wrong or None,
            }
        )
    if form == "json":
        click.echo(escaped(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()))
    else:
        _show_verified(rows)
    for noted in missing:
        click.echo(
            f"BROKEN: no run has the hash {noted}: the run that had it, and maybe more, was removed"
            " or rewritten.",
            err=form == "json",
        )
    return EXIT_BROKEN if missing or any(row["broken"] for row in rows) else 0


def _show_verified(rows: "Sequence[Mapping[str, object]]") -> None:
    from reconcile.render.wording import printable

    for row in rows:
        if row["broken"]:
            click.echo(printable(f"Workspace {row['workspace']}: BROKEN at {row['broken']}."))
        elif not row["runs"]:
            click.echo(f"Workspace {row['workspace']}: no run yet.")
        else:
            erased = (
                f" ({row['removed']} of them without their text: a person was erased)"
                if row["removed"]
                else ""
            )
            about = f"Workspace {row['workspace']}: {row['runs']} runs, {row['changes']} changes"
            click.echo(f"{about}{erased}; nothing was altered.")
        if row["hash"]:
            click.echo(f"  last hash {'before that ' if row['broken'] else ''}{row['hash']}")


def _verified(platform: "ManagedPlatform", name: str) -> "tuple[Verification, str, Sequence[Link]]":
    """The result for a workspace, what is wrong with its runs or "", and the runs.

    The runs are read one by one and have to be one state: if another run was recorded in the
    meantime, all of them are read again.
    """
    from reconcile.model.verification import Verification

    links = platform.history.runs(name)
    while True:
        verification = Verification()
        noted, wrong = platform.history.last(name), ""
        for link in links:
            wrong = verification.take(link, platform.history.entries(name, link.run.id))
            if wrong:
                wrong = f"run {link.run.id}: {wrong}"
                break
        if not links and platform.read(name).sources:
            wrong = (
                "the first run: there are sources, which only a run adds, but no runs: all of"
                " them were removed"
            )
        wrong = wrong or verification.end(noted)
        before, links = links, platform.history.runs(name)
        if [link.hash for link in links] == [link.hash for link in before]:
            return verification, wrong, links


@click.command()
@paths_argument
@workspace_option
@variable_option
@output_options
@click.pass_context
def unlock(
    context: click.Context,
    paths: tuple[Path, ...],
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Remove the lock left by a dead run.

    The lock of a live run stays, and the error says who holds it.
    """
    from reconcile.app import adapters, inputs
    from reconcile.render.wording import printable

    loaded = inputs.configuration(paths, variables)
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    code = 0
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as platform:
        for name in names:
            try:
                held = platform.unlock(name, socket.gethostname())
            except Locked as error:
                report_error(error)
                code = error.exit_code
                continue
            if held is None:
                click.echo(f"The workspace {name!r} is not locked.")
            else:
                process = f"process {held.pid}" if held.pid else "without a process number"
                text = (
                    f"Removed the lock of the workspace {name!r}: it was of {held.user} on"
                    f" {held.host}, {process}, since {held.started}, last heartbeat"
                    f" {held.heartbeat or 'unknown'}."
                )
                click.echo(printable(text))
    context.exit(code)


COMMANDS = (history, unlock)
