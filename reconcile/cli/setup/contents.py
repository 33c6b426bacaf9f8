"""What was seen of a server or in a file, and the questions about it."""

from itertools import starmap
from typing import Final

import click

from reconcile.app.setup.draft import counted
from reconcile.app.setup.looking import Server
from reconcile.cli.setup.asking import chosen, say
from reconcile.directories.discovery.contents import Contents, RoleGroup
from reconcile.render import printable

_PROTECTED: Final = {
    "starttls": "protected by StartTLS",
    "ldaps": "protected by TLS",
    "none": "NOT PROTECTED (--tls none)",
}


def show_counts(base: str, known: Contents) -> None:
    """Shows how much is below the base."""
    counts = ((known.persons, "person"), (known.groups, "group"), (known.units, "OU"))
    say(f"{base}: {', '.join(starmap(counted, counts))}")


def show_server(server: Server) -> None:
    """Shows which product the server is, how it is protected, and which trees it holds."""
    root, mode = server.root, server.source.tls.mode
    product = root.product if root else "shows nothing before a bind"
    say(f"{server.source.servers[0]}: {product}, {_PROTECTED[mode]}")
    if root and root.contexts:
        say(f"It holds {'; '.join(root.contexts)}.")


def chosen_place(known: Contents) -> str:
    """The container of the persons."""
    if len(known.places) < 2:
        return known.places[0].dn if known.places else ""
    rows = [f"{place.dn}  ({counted(place.persons, 'person')})" for place in known.places]
    return chosen("Where are the persons?", [place.dn for place in known.places], rows)


def gives_role(group: RoleGroup) -> bool:
    """Asks whether a group gives the role that its name suggests."""
    return click.confirm(f"Members of {printable(group.dn)} get the role {group.role}?")


def countable(known: Contents) -> tuple[tuple[str, int], ...]:
    """What can be mirrored, with how many there are."""
    return (("groups", known.groups), ("departments", known.units))


def mirrors_all(key: str, count: int) -> bool:
    """Asks whether all of them become the application's."""
    what = "group" if key == "groups" else "OU"
    return bool(count) and click.confirm(f"Mirror {counted(count, what)} as {key}?")
