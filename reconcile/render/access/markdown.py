"""A review of access as Markdown, for a ticket or a wiki: all of it, never cut."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconcile.model.views.access import Access, AccessChange, AccessReview, Holding
from reconcile.render.access import rows, words
from reconcile.render.markdown.escaping import cell, sentence

_HOLDER_HEAD: Final = ("user", "full name", "status", "given by", "why", "since")
_CONCERN_HEAD: Final = ("user", "has", "status", "why to look at it")
_CHANGE_HEAD: Final = ("when", "user", "about", "what", "why", "run")


def review_markdown(review: AccessReview) -> str:
    """The document, its last line without a newline."""
    several = len(review.workspaces) > 1
    lines = ["## Access review", "", f"**{sentence(words.headline(review))}**", ""]
    lines += (f"- {label}: {sentence(text)}" for label, text in words.facts(review))
    lines += _first(review.access, several=several)
    for title, kind in (("Roles", "role"), ("Groups", "group")):
        lines += _list(title, words.of_kind(review.access, kind), several=several)
    lines += _changes(review, several=several)
    return "\n".join([*lines, "", words.NOTES])


def _first(accesses: Sequence[Access], *, several: bool) -> Iterator[str]:
    """What a reviewer should look at."""
    concerned = rows.concerned(accesses)
    yield from ("", f"### Look at first ({len(concerned)})", "")
    numbers = rows.counts(concerned)
    yield ", ".join(f"{numbers[code]} {label}" for code, label in rows.CONCERNS.items())
    yield from _table(_CONCERN_HEAD, (_concern(each, several=several) for each in concerned))


def _concern(holding: Holding, *, several: bool) -> Sequence[str]:
    held = _within(holding, f"{holding.kind} {holding.name}", several=several)
    concerns = ", ".join(rows.CONCERNS[code] for code in holding.concerns)
    return holding.username, held, holding.status, concerns


def _list(title: str, accesses: Sequence[Access], *, several: bool) -> Iterator[str]:
    """A heading and a table for each role or group."""
    yield from ("", f"### {title} ({len(accesses)})")
    for access in accesses:
        yield from ("", f"#### {cell(_within(access, access.name, several=several))}", "")
        texts = (words.summary(access) + ".", words.rules(access), words.nested(access))
        yield " ".join(sentence(text) for text in texts if text)
        yield from _table(_HOLDER_HEAD, map(_holder, access.holdings))


def _holder(holding: Holding) -> Sequence[str]:
    return (
        holding.username,
        holding.full_name,
        holding.status,
        rows.given_by(holding),
        holding.reason,
        words.since(holding),
    )


def _changes(review: AccessReview, *, several: bool) -> Iterator[str]:
    """What runs have changed, oldest first."""
    yield from ("", f"### {words.changes_title(review)}")
    if not review.changes:
        yield from ("", "No run has changed anything.")
    yield from _table(_CHANGE_HEAD, (_change(each, several=several) for each in review.changes))
    if review.removed:
        yield from ("", words.removed(review))


def _change(change: AccessChange, *, several: bool) -> Sequence[str]:
    about = _within(change, f"{change.kind} {change.name}".strip(), several=several)
    run = f"{change.run} by {change.by}"
    return change.when, change.username, about, change.what, change.reason, run


def _within(about: Access | Holding | AccessChange, text: str, *, several: bool) -> str:
    """The text, after its workspace if there are several."""
    return f"{about.workspace}: {text}" if several else text


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table after an empty line; nothing where it would have no rows."""
    shown = [_row(line) for line in lines]
    if shown:
        yield from ("", _row(head), f"|{'---|' * len(head)}", *shown)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(cell, cells))} |"
