"""A review of access as one page, without a script: to read, to print and to sign."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from reconcile.model.text import printing
from reconcile.model.views.access import Access, AccessChange, AccessReview, Holding
from reconcile.render import wording
from reconcile.render.access import rows, words
from reconcile.render.html.frame import asset, filled, policy

_HOLDER_HEAD: Final = ("user", "status", "given by", "why", "since")
_CONCERN_HEAD: Final = ("user", "has", "status", "why to look at it")
_CHANGE_HEAD: Final = ("when", "user", "about", "what", "why, and by whom")


def access_page(review: AccessReview) -> str:
    """The whole page, its last line without a newline."""
    style = asset("page.css") + asset("access.css")
    several = len(review.workspaces) > 1
    sections = (
        _navigation(review),
        *_first(review.access, several=several),
        *_list("Roles", "roles", words.of_kind(review.access, "role"), several=several),
        *_list("Groups", "groups", words.of_kind(review.access, "group"), several=several),
        *_changes(review, several=several),
        '<p class="signature"><span>Reviewed by</span><span>Date</span><span>Signature</span></p>',
    )
    title = "reconcile access review"
    return filled(
        asset("access.html").rstrip("\n"),
        {
            "policy": policy(style),
            "title": title,
            "headline": _text(words.headline(review)),
            "style": style,
            "facts": "".join(
                f"<div><dt>{_text(label)}</dt><dd>{_text(text)}</dd></div>"
                for label, text in words.facts(review)
            ),
            "main": "\n".join(sections),
            "notes": _text(words.NOTES),
        },
    )


def _navigation(review: AccessReview) -> str:
    """The sections, with how much each has."""
    links = (
        ("first", "Look at first", len(rows.concerned(review.access))),
        ("roles", "Roles", len(words.of_kind(review.access, "role"))),
        ("groups", "Groups", len(words.of_kind(review.access, "group"))),
        ("changes", "Changes", len(review.changes)),
    )
    shown = (f'<a href="#{anchor}">{label} ({number})</a>' for anchor, label, number in links)
    return f'<nav aria-label="Sections">{"".join(shown)}</nav>'


def _first(accesses: Sequence[Access], *, several: bool) -> Iterator[str]:
    """What a reviewer should look at, as numbers and as a table."""
    concerned = rows.concerned(accesses)
    numbers = rows.counts(concerned)
    items = "".join(
        f"<li><b>{numbers[code]}</b> {_text(label)}</li>" for code, label in rows.CONCERNS.items()
    )
    table = _table("concerns", _CONCERN_HEAD, (_concern(each, several) for each in concerned))
    yield f'<h2 id="first">Look at first ({len(concerned)})</h2>'
    numbered = f'<ul class="numbers">{items}</ul>'
    yield f'<section class="card">{numbered}{table if concerned else ""}</section>'


def _concern(holding: Holding, several: bool) -> Sequence[str]:
    tags = "".join(_tag(code, rows.CONCERNS[code]) for code in holding.concerns)
    held = f"{holding.kind} {holding.name}"
    return _user(holding), _text(_within(holding, held, several=several)), _status(holding), tags


def _list(title: str, anchor: str, accesses: Sequence[Access], *, several: bool) -> Iterator[str]:
    """A section with a card for each role or group."""
    yield f'<h2 id="{anchor}">{title} ({len(accesses)})</h2>'
    for access in accesses:
        lines = filter(None, (words.summary(access), words.rules(access), words.nested(access)))
        parts = [f"<h3>{_text(_within(access, access.name, several=several))}</h3>"]
        parts += (f"<p>{_text(line)}</p>" for line in lines)
        if access.holdings:
            parts.append(_table("holders", _HOLDER_HEAD, map(_holder, access.holdings)))
        yield f'<section class="card">{"".join(parts)}</section>'


def _holder(holding: Holding) -> Sequence[str]:
    given_by = _text(rows.given_by(holding))
    if holding.by_hand or not holding.rules:
        given_by = _tag("by_hand" if holding.by_hand else "no_rule", rows.given_by(holding))
    return (
        _user(holding),
        _status(holding),
        given_by,
        _text(holding.reason),
        _since(holding),
    )


def _since(holding: Holding) -> str:
    """The day, and the run below it."""
    if not holding.run:
        return _text(words.UNRECORDED)
    return f'{_text(rows.day(holding.since))}<span class="full">{_text(holding.run)}</span>'


def _changes(review: AccessReview, *, several: bool) -> Iterator[str]:
    """What runs have changed, oldest first."""
    yield f'<h2 id="changes">{_text(words.changes_title(review))}</h2>'
    removed = f"<p>{_text(words.removed(review))}</p>" if review.removed else ""
    if not review.changes:
        yield f'<section class="card"><p>No run has changed anything.</p>{removed}</section>'
        return
    changes = (_change(change, several) for change in review.changes)
    yield f'<section class="card">{_table("changes", _CHANGE_HEAD, changes)}{removed}</section>'


def _change(change: AccessChange, several: bool) -> Sequence[str]:
    about = f"{change.kind} {change.name}".strip()
    when = _text(change.when.replace("T", " ").removesuffix("Z"))
    return (
        f'{when}<span class="full">{_text(change.run)}</span>',
        _text(change.username),
        _text(_within(change, about, several=several)),
        _text(change.what),
        f'{_text(change.reason)}<span class="full">{_text(change.by)}</span>',
    )


def _within(about: Access | Holding | AccessChange, text: str, *, several: bool) -> str:
    """The text, after its workspace if there are several."""
    return f"{about.workspace}: {text}" if several else text


def _user(holding: Holding) -> str:
    """Username, and the full name below it."""
    full = f'<span class="full">{_text(holding.full_name)}</span>' if holding.full_name else ""
    return f"{_text(holding.username)}{full}"


def _status(holding: Holding) -> str:
    return _tag("in" if holding.in_service else "out", holding.status.replace("_", " "))


def _tag(name: str, text: str) -> str:
    return f'<span class="tag {name}">{_text(text)}</span>'


def _table(name: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML."""
    columns = "<col>" * len(head)
    heading = _row(head, "th")
    body = "\n".join(_row(line, "td") for line in lines)
    return (
        f'<table class="{name}"><colgroup>{columns}</colgroup><thead>{heading}</thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _row(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _text(text: str) -> str:
    """Foreign text, which stays text."""
    return escape(printing.quoted(text, wording.LONGEST_VALUE))
