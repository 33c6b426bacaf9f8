"""Circles in what is nested in what, in time linear in the number of links."""

from collections.abc import Collection, Mapping

Graph = Mapping[str, Collection[str]]
"""Each node → those that it leads to."""


def circles(graph: Graph) -> list[frozenset[str]]:
    """The largest sets of nodes that all lead to each other: of more than one, or to itself."""
    back: dict[str, list[str]] = {node: [] for node in graph}
    for node, others in graph.items():
        for other in others:
            back.setdefault(other, []).append(node)
    seen: set[str] = set()
    found: list[frozenset[str]] = []
    for start in reversed(_finished(graph)):
        if start not in seen:
            together = _reached(start, back, seen)
            if len(together) > 1 or start in graph.get(start, ()):
                found.append(frozenset(together))
    return found


def _finished(graph: Graph) -> list[str]:
    """Every node, after all that it leads to as far as these do not lead back."""
    seen: set[str] = set()
    order: list[str] = []
    for start in graph:
        stack = [(start, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(other, False) for other in graph.get(node, ()) if other not in seen]
    return order


def _reached(start: str, graph: Graph, seen: set[str]) -> list[str]:
    """The nodes that a node leads to, itself first, but for those that were seen."""
    seen.add(start)
    reached = [start]
    for node in reached:
        new = [other for other in graph.get(node, ()) if other not in seen]
        seen.update(new)
        reached += dict.fromkeys(new)
    return reached
