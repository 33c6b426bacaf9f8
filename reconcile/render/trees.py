"""The groups and departments of a source as trees, and how many people are in them."""

from collections.abc import Iterator, Sequence

from reconcile.model.views.overview import Node
from reconcile.render.layout import around, joined
from reconcile.render.wording import printable


def tree_lines(nodes: Sequence[Node], depth: int = 1) -> Iterator[str]:
    """One line each: `[x]` what is selected, the roles it gives, the DN.

        [x] Sales  role operator  # ou=Sales,dc=example,dc=com
            [ ] Interns  # ou=Interns,ou=Sales,dc=example,dc=com

    `depth` says how far the lines are indented, in steps of four spaces.
    """
    for node in nodes:
        mark = "[x]" if node.selected else "[ ]"
        roles = around("  role ", joined(node.roles))
        shown = f"{mark} {printable(node.name)}{roles}{_remarks(node)}"
        yield _line(shown, node, depth)
        yield from tree_lines(node.within, depth + 1)


def _remarks(node: Node) -> str:
    """Where else the node is shown, and whether all of its members are known."""
    remarks = ""
    if node.repeated:
        remarks = "  (shown above)"
    elif node.continued:
        remarks = "  (continued below)"
    if node.unknown:
        remarks += "  (members not known)"
    return remarks


def people_lines(nodes: Sequence[Node], depth: int = 1) -> Iterator[str]:
    """One line for each node with members, shown once: how many are in it.

        Sales (3, 5 in total)  # ou=Sales,dc=example,dc=com
            Interns (2)  # ou=Interns,ou=Sales,dc=example,dc=com

    The total counts those of all nodes within, too.
    """
    with_members = [node for node in nodes if node.all_people and not node.repeated]
    for node in with_members:
        number = str(node.people)
        if node.all_people != node.people:
            number = f"{node.people}, {node.all_people} in total"
        yield _line(f"{printable(node.name)} ({number})", node, depth)
        yield from people_lines(node.within, depth + 1)


def _line(shown: str, node: Node, depth: int) -> str:
    """A line of a tree, which ends in the DN."""
    return f"{'    ' * depth}{shown}  # {printable(node.dn)}"
