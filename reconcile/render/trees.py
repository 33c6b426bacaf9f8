"""The groups and departments of a source as trees, and how many people are in them."""

from collections.abc import Iterator, Sequence

from reconcile.model.views.overview import Node
from reconcile.render.wording import printable


def tree_lines(nodes: Sequence[Node], depth: int = 1) -> Iterator[str]:
    """One line each: `[x]` what is selected, the roles it gives, the DN."""
    for node in nodes:
        mark = "[x]" if node.selected else "[ ]"
        role = f"  role {', '.join(map(printable, node.roles))}" if node.roles else ""
        more = "  (continued below)" if node.continued else ""
        if node.repeated:
            more = "  (shown above)"
        unknown = "  (members not known)" if node.unknown else ""
        shown = f"{mark} {printable(node.name)}{role}{more}{unknown}"
        yield f"{'    ' * depth}{shown}  # {printable(node.dn)}"
        yield from tree_lines(node.within, depth + 1)


def people_lines(nodes: Sequence[Node], depth: int = 1) -> Iterator[str]:
    """One line for each node with members, shown once: how many are in it."""
    for node in nodes:
        if node.all_people and not node.repeated:
            more = "" if node.people == node.all_people else f", {node.all_people} in total"
            shown = f"{printable(node.name)} ({node.people}{more})"
            yield f"{'    ' * depth}{shown}  # {printable(node.dn)}"
            yield from people_lines(node.within, depth + 1)
