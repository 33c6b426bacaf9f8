"""What the reader may see: hidden entries look as if they did not exist."""

import logging
from collections.abc import Sequence

from reconcile.directories.search.search import ANYTHING, NO_ATTRIBUTES, Search, Searcher
from reconcile.directories.vendors.table import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import Person
from reconcile.model.quiet.said import OF_ANSWERS
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted

log = logging.getLogger("reconcile.directories")


def base_search(base: str) -> Search:
    """The search for the base of a search itself."""
    return Search(base, "base", ANYTHING, NO_ATTRIBUTES)


def look_at(base: str, searcher: Searcher) -> None:
    """Raises SourceUnreadable unless the base of a search can be seen."""
    if not any(searcher.search(base_search(base))):
        raise SourceUnreadable(
            f"{searcher.place}: the base DN {base} cannot be seen: the directory answers, but "
            "shows no entry there.\n"
            "What is below it would look empty. Ask for the right to read it."
        )


def why_nobody(source: desired.Source, search: Search, searcher: Searcher) -> str:
    """What the reader sees if a search finds nobody, in words.

    Empty and hidden places look alike.
    """
    base = dn.key(search.base)
    pages = searcher.search(search._replace(filter=ANYTHING, attributes=NO_ATTRIBUTES))
    seen = sum(dn.key(entry.dn) != base for page in pages for entry in page)
    if not seen:
        otherwise = "was not exported" if source.files else "the right to read it is missing"
        return f"nothing is visible below {search.base}: it is empty, or {otherwise}"
    return (
        f"{seen} entries are visible below {search.base}, none of them matches {search.filter}: "
        "is the filter right?"
    )


def warn_of_hidden(source: desired.Source, vendor: Vendor, persons: Sequence[Person]) -> None:
    """Warns about persons who lack attributes that every person has."""
    for name in vendor.shown_by_all:
        hidden = [person.dn for person in persons if name not in person.attributes]
        if not hidden:
            continue
        who = f"no person shows {name}"
        if len(hidden) < len(persons):
            count = f"{len(hidden)} of {len(persons)}"
            who = f"{count} persons do not show {name} (the first is {quoted(hidden[0])})"
        looks = "a disabled person looks like an active one"
        if name == vendor.stable_id:
            looks = "a person who is renamed and moved looks like another one"
        remedy = (
            "export it too, as slapcat does" if source.files else "ask for the right to read it"
        )
        log.warning(
            "%s: %s, which all have; without it %s: %s",
            source.name,
            who,
            looks,
            remedy,
            extra=OF_ANSWERS,
        )
