"""`explain`: why one person is in, out, in that group, with that role."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.guide import completing
from reconcile.cli.options import (
    colour,
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.terminal.pager import page
from reconcile.cli.terminal.tabular import room

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.config import Loaded
    from reconcile.model.desired import Source
    from reconcile.model.login import LoginNames
    from reconcile.model.views.explanation import PersonSearch, Stray
    from reconcile.planning import Inputs
    from reconcile.planning.explain.background import Background
    from reconcile.ports import Progress

EXIT_NOBODY = 1
_LONGEST = 4096


@click.command()
@click.argument("user", metavar="USER", shell_complete=completing.users)
@paths_argument
@format_option("text", "json")
@scope_options
@variable_option
@output_options
@click.pass_context
def explain(
    context: click.Context,
    user: str,
    paths: tuple[Path, ...],
    form: str,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Explain why a person is in or out, and what they get.

    USER is a login, an e-mail address, a DN, the directory's stable id, or the username on the
    platform. People who are not synchronised are explained, too. The exit code is 1 if nobody has
    the name. Writes nothing.
    """
    import msgspec

    from reconcile.app import adapters, inputs
    from reconcile.app.identity_history import with_ties
    from reconcile.app.notices import placed, placing, report
    from reconcile.directories.type_defaults import why_disabled
    from reconcile.model.change import Scope
    from reconcile.planning.explain import background, lookup
    from reconcile.planning.explain import explain as explanations
    from reconcile.render import explanation_json, explanation_text

    _refuse_impossible(user)
    loaded = inputs.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    chosen = inputs.chosen_sources(loaded.desired, sources)
    with progress() as tell:
        with closing(adapters.platform(loaded.desired.platform, tell)) as target:
            read, troubles = inputs.inputs(
                loaded, scope, variables, target, tell, lookup.asking_query
            )
        asked = {source.name: lookup.names(source, user, read.current) for source in chosen}
        rules = background.Background(_origins(loaded), _searches(chosen), why_disabled)
        strays = {
            source.name: tuple(_strays(read, source, asked[source.name], rules, tell))
            for source in chosen
        }
    with placing(loaded):
        explanation = explanations.explain(read, asked, user, strays, rules)
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as target:
        explanation = with_ties(explanation, target.history)
    searched = [
        msgspec.structs.replace(source, notices=placed(loaded, source.notices))
        for source in explanation.sources
    ]
    explanation = msgspec.structs.replace(explanation, sources=tuple(searched))
    report(
        tuple(dict.fromkeys(notice for source in explanation.sources for notice in source.notices))
    )
    if form == "json":
        page(explanation_json(explanation))
    else:
        page(_fitted(explanation_text(explanation, colour=colour())))
    if troubles:
        context.exit(troubles[0].exit_code)
    context.exit(0 if explanation.people else EXIT_NOBODY)


def _fitted(text: str) -> str:
    """The text; on a terminal with long lines folded."""
    from reconcile.render.layout import folded

    width = room()
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in folded(line, width))


def _refuse_impossible(user: str) -> None:
    if not user.strip():
        raise click.BadParameter("the name is empty", param_hint="USER")
    if len(user) > _LONGEST:
        raise click.BadParameter(f"no name is longer than {_LONGEST} characters", param_hint="USER")
    try:
        user.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("not UTF-8 text", param_hint="USER") from error


def _strays(
    read: "Inputs",
    source: "Source",
    asked: "LoginNames",
    background: "Background",
    tell: "Progress",
) -> Iterator["Stray"]:
    """The entries meant below the base DN that the source's rules on persons do not find."""
    from reconcile.app import adapters
    from reconcile.model.directory import Person
    from reconcile.model.text import dn
    from reconcile.planning.explain import lookup

    snapshot = next(each for each in read.snapshots if each.source == source.name)
    if lookup.is_found(snapshot, asked, source):
        return
    with closing(adapters.directory(lookup.widened(source), tell)) as directory:
        entries = list(directory.read_person(asked, lookup.STRAY_QUERY).persons)
        if dn.key(asked.typed) not in {"", *(dn.key(entry.dn) for entry in entries)}:
            entries += [Person(name, "", "", {}) for name in directory.find((), (asked.typed,))]
    place = f"sources[{read.desired.sources.index(source)}]"
    yield from lookup.strays(source, asked, entries, place, background)


def _searches(chosen: Iterable["Source"]) -> dict[str, "PersonSearch"]:
    from reconcile.directories.type_defaults import persons_search
    from reconcile.model.views.explanation import PersonSearch

    return {source.name: PersonSearch(*persons_search(source)) for source in chosen}


def _origins(loaded: "Loaded") -> dict[str, str]:
    """Place in the desired state → where it comes from; empty if that is not known."""
    from reconcile.app import inputs
    from reconcile.config.yaml.nodes import written
    from reconcile.errors import ConfigError

    try:
        settings = inputs.settings(loaded)
    except ConfigError:  # relative paths of several folders do not fit into one file
        return {}
    origins = {written(setting.path): setting.origin for setting in settings}
    for setting in settings:
        origins |= {
            f"{written(setting.path)}[{at}]": origin
            for at, origin in enumerate(setting.item_origins)
        }
    return origins


COMMANDS = (explain,)
