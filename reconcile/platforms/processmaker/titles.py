"""Names that are made unique: nothing in the product keeps two objects from having one name."""

from collections.abc import Hashable, Iterable, Mapping


def distinct(names: Iterable[tuple[str, str, Hashable]]) -> dict[str, str]:
    """Id → name, from ids, names and what the name is to be unique in; the first keeps its name.

    The others are told apart by the beginning of their ids, as in `Sales (3f2c91ab)`. So none of
    them is mistaken for another, and a person can see which it is.
    """
    taken: set[tuple[Hashable, str]] = set()
    named: dict[str, str] = {}
    later: list[tuple[str, str, Hashable]] = []
    for uid, name, place in names:
        if name and (place, name) not in taken:
            taken.add((place, name))
            named[uid] = name
        else:
            later.append((uid, name, place))
    for uid, name, place in later:
        length = 8
        unique = _marked(name, uid[:length])
        while (place, unique) in taken and length < len(uid):
            length += 4
            unique = _marked(name, uid[:length])
        taken.add((place, unique))
        named[uid] = unique
    return named


def _marked(name: str, uid: str) -> str:
    return f"{name} ({uid})".lstrip()


def rooted(parents: Mapping[str, str]) -> dict[str, str]:
    """Id → the id above; "" where that does not exist, or where the way up leads round in a circle.

    The product shows neither in its tree.
    """
    above = {uid: parent if parent in parents else "" for uid, parent in parents.items()}
    settled: set[str] = set()
    for uid in above:
        way: dict[str, None] = {}
        at = uid
        while at and at not in settled and at not in way:
            way[at] = None
            at = above[at]
        if at in way:
            above[at] = ""
        settled.update(way)
    return above
