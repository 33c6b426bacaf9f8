"""The groups and departments of a source as trees."""

from collections.abc import Iterator, Sequence

from reconcile.model.overview import Node
from reconcile.render.words import printable


def tree_lines(nodes: Sequence[Node], depth: int = 1) -> Iterator[str]:
    """One line each: `[x]` what is selected, how many people, the roles it gives, the DN."""
    for node in nodes:
        mark = "[x]" if node.selected else "[ ]"
        people = (
            f"{node.people}" if node.people == node.all_people else f"{node.people}, {node.all_people} with all within"
        )
        role = f"  role {', '.join(map(printable, node.roles))}" if node.roles else ""
        more = "  (shown above)" if node.repeated else "  (goes on below)" if node.continued else ""
        yield f"{'    ' * depth}{mark} {printable(node.name)} ({people}){role}{more}  # {printable(node.dn)}"
        yield from tree_lines(node.within, depth + 1)
