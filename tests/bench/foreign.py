"""`python -m tests.bench.foreign`: how long each function takes over foreign text that is made to be slow.

Whoever owns an entry of a directory writes its names. So every function over them has to be linear:
eight times the text may take eight times as long, not sixty-four times.
"""

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from reconcile.config.templates.entry_templates import Surroundings, compiled
from reconcile.connections.fingerprints import blocks
from reconcile.directories.ldif import filter_match, records
from reconcile.directories.search import attribute_values, filters
from reconcile.directories.snapshot import member_urls
from reconcile.directories.vendors import active_directory
from reconcile.errors import TemplateFailed
from reconcile.model import desired
from reconcile.model.change import Change, Digests, Plan, Scope, Skip
from reconcile.model.directory import Person
from reconcile.model.report import Showing
from reconcile.model.text import department_path, dn, folding, name_patterns
from reconcile.planning import login
from reconcile.planning.explain import lookup
from reconcile.planning.selection import nearest, patterns
from reconcile.planning.views.search import keyword
from reconcile.render import html, markdown, tables, text, wording
from reconcile.render.redaction import redacted

FEWER, MORE = 8_000, 64_000
"""Characters; the second eight times the first."""
LONGEST: Final = 0.05
"""Seconds in which any function may be done with a text, whatever the growth: too short to say
anything of it."""
GROWTH: Final = 32.0
"""Times as long for eight times the text: linear is 8, quadratic 64."""

_PIECES: Final = {
    "letters": "a",
    "spaces": " ",
    "words": "a b ",
    "dashes": "-",
    "stars": "*",
    "dots": ".",
    "at signs": "@",
    "commas": ",",
    "equals": "=",
    "RDNs": "cn=a,",
    "quoted RDNs": 'cn="a",',
    "values of an RDN": "cn=a+",
    "backslashes": "\\",
    "escaped spaces": "\\ ",
    "hexadecimal pairs": "\\20",
    "percents": "%41",
    "quotes": '"',
    "hashes": "#04",
    "parentheses": "(",
    "filters": "(cn=a)",
    "brackets": "[a](",
    "tags": "<a ",
    "URLs": "http://a",
    "slashes": "/",
    "digits": "9",
    "line ends": "\n",
    "marks": "\u0300\u0316",
    "marks of kana": "\uff9e\u0300",
    "ligatures": "\ufdfa",
    "sharp s": "ß",
    "dotted I": "İ",
    "letters of two": "e\u0301",
    "emoji": "😀\u200d",
    "controls": "\x1b[",
}
TEXTS: Final[Mapping[str, Callable[[int], str]]] = {
    name: lambda size, piece=piece: (piece * size)[:size]  # type: ignore[misc]
    for name, piece in _PIECES.items()
} | {
    "spaces between letters": lambda size: f"a{' ' * size}b",
    "a letter below marks": lambda size: "a" + "\u0300\u0316" * (size // 2),
    "marks in descending order": lambda size: "a" + "\u0300" * (size // 2) + "\u0316" * (size // 2),
    "an open quote": lambda size: f'"{"a" * size}',
    "a quote after spaces": lambda size: f'{" " * size}"x',
}
_AROUND: Final = Surroundings("corp", "example.com", {})
_DASHED: Final = "cn=*-*-*-x"
_SELECTION = patterns.Selection(
    [_DASHED, "*a*a*b", "cn=*-*-*-x,ou=*-*x", "ou=a", "x"], "dc=example,dc=com"
)
_NAMES = name_patterns.NamePatterns(["*-*-*-x", "*a*a*b", "*.*.*"])
_FILTER = filter_match.compiled(
    "(|(cn=*-*-*-x)(cn=*a*b)(n>=5)(n<=5)(member=cn=x)(objectClass=x)(cn=x))"
)
_SOURCE = desired.Source("corp", "ldif", "dc=example,dc=com", desired.Users({}))
_KEYWORD = keyword("*-*-*-x")
_TEMPLATES = [
    compiled(one, _AROUND)
    for one in (
        "{{ cn | lower }}",
        "{{ cn | title }}{{ cn | wordcount }}",
        "{{ cn.split(' ') | unique | join('') }}{{ cn | replace('a', 'b') | truncate(20) }}",
        "{{ cn | urlencode }}",
    )
]


def _person(one: str) -> Person:
    return Person(f"uid=a,{one}", "e1", one, {"cn": (one,), "mail": (one,)}, logins=(one,))


def _rendered(one: str) -> None:
    for template in _TEMPLATES:
        with suppress(TemplateFailed):
            template.render(_person(one), one)


def _many_valued(one: str) -> None:
    """As many values in the RDN as the text has sixteens, each spelled otherwise than the attribute has it."""
    count = range(len(one) // 16)
    attribute_values.ordered(
        "cn", [f"v{at}" for at in count], "+".join(f"cn=V{at}" for at in count) + ",dc=x"
    )


def _filtered(one: str) -> None:
    value = one.encode()
    _FILTER({name: [value] for name in ("cn", "n", "member", "objectclass")})


def _shown(one: str) -> None:
    change = Change(
        "user", "update", one, {"username": one}, {"username": f"{one}x"}, one, "corp", "main"
    )
    skips = (Skip("main", "corp", "namesake", one, one, one),)
    plan = Plan("1", "", (), (), Scope(), Digests("", {}, {}), (change,), skips)
    text.plan_text(plan, colour=False, full=True, pointer="")
    markdown.plan_markdown(plan, Showing())
    html.page(redacted(plan), Showing())
    html.page(plan, Showing())


def _tabled(one: str) -> None:
    rows = [{"name": one}, *({"name": "a"} for _ in range(100))]
    tables.table(rows, ["name", "name"], "table")
    csv.reader(io.StringIO(tables.table(rows[:1], ["name"], "csv")))


def _read(one: str) -> None:
    content = f"dn: cn=x\ncn: {one}\ndescription:: {one}\n\n".encode()
    list(records.records(content, "x.ldif"))


def _suggested(one: str) -> None:
    nearest.nearest(["*-x", "red-team"], [one, one[:90], "red-teams"] * 10)
    lookup.similar("jdoe", [one, one[:90]])


def _certified(one: str) -> None:
    list(blocks(f"{one}{'-----BEGIN CERTIFICATE-----' * (len(one) // 27)}"))


FUNCTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "dn.normalize": lambda one: dn.normalize(f"cn={one},dc=x"),
    "dn.normalize of it all": dn.normalize,
    "dn.key": dn.key,
    "dn.rdn": dn.rdn,
    "dn.first_value": lambda one: dn.first_value(f"cn={one}"),
    "dn.domain": lambda one: dn.domain(f"dc={one}"),
    "dn.respelt": lambda one: dn.respelt(f"cn={one}", f"CN={one}"),
    "dn.wide": lambda one: dn.wide(dn.key(f"cn={one}"), "compatibility"),
    "dn.wide, case": lambda one: dn.wide(dn.key(f"cn={one}"), "case"),
    "dn.wide_piece": lambda one: dn.wide_piece(one, "compatibility"),
    "dn.join": lambda one: dn.join(f"cn={one}", "dc=x"),
    "folding.fold_name": folding.fold_name,
    "folding.folded": folding.folded,
    "folding.widely_folded": folding.widely_folded,
    "name_patterns.folded": name_patterns.folded,
    "Selection": lambda one: _SELECTION.matches(dn.key(f"cn={one},ou=a,dc=x"), one),
    "a pattern": lambda one: patterns.Selection([one], "dc=x"),
    "NamePatterns": _NAMES.matches,
    "survey.keyword": lambda one: _KEYWORD[0].matches(one.casefold()),
    "a keyword": lambda one: keyword(one)[0].matches("a" * 100),
    "a filter over it": _filtered,
    "a filter": lambda one: filter_match.compiled(f"(cn=*{one}*)"),
    "filters.escape": filters.escape,
    "memberURL": lambda one: member_urls.parsed(f"ldap:///dc=x??sub?(cn={one})", "dc=x"),
    "memberURL, base": lambda one: member_urls.parsed(f"ldap:///cn={one},dc=x", "dc=x"),
    "values.ordered": lambda one: attribute_values.ordered(
        "cn", [one, f"{one}b"], f"cn={one},dc=x"
    ),
    "values.ordered of many": _many_valued,
    "LDIF": _read,
    "path of titles": lambda one: department_path.titles(department_path.path([one, one])),
    "templates": _rendered,
    "attempts_key": lambda one: login.attempts_key(_SOURCE, one, None),
    "did you mean": _suggested,
    "refusal of a server": active_directory.why_refused,
    "words.printable": wording.printable,
    "words.escaped": wording.escaped,
    "a plan": _shown,
    "a table and CSV": _tabled,
    "certificates": _certified,
}


class Timed(NamedTuple):
    """A function over a text of each size, in seconds."""

    function: str
    text: str
    fewer: float
    more: float

    @property
    def grows_too_fast(self) -> bool:
        """Whether eight times the text takes far more than eight times as long, long enough to be sure."""
        return self.more > LONGEST and self.more > GROWTH * self.fewer


def measured(function: str, name: str, repeated: int = 1) -> Timed:
    """One function over one kind of text; what it refuses counts as done."""
    more = _seconds(FUNCTIONS[function], TEXTS[name](MORE), repeated)
    fewer = _seconds(FUNCTIONS[function], TEXTS[name](FEWER), repeated)
    return Timed(function, name, fewer, more)


def _seconds(function: Callable[[str], Any], one: str, repeated: int) -> float:
    best = float("inf")
    for _ in range(repeated):
        start = time.process_time()
        with suppress(ValueError, TemplateFailed, records.Broken):
            function(one)
        best = min(best, time.process_time() - start)
    return best


def every(repeated: int = 1) -> Iterator[Timed]:
    """Each function over each kind of text."""
    for function in FUNCTIONS:
        for name in TEXTS:
            yield measured(function, name, repeated)


def main() -> int:
    """Prints the slowest text of each function; 1 where one grows too fast."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.foreign", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often; the fastest counts")
    repeated = parser.parse_args().runs
    sys.stdout.write(
        f"{'function':26}{'slowest text':28}{FEWER:>10,} ms{MORE:>10,} ms{'growth':>9}\n"
    )
    failed = 0
    for function in FUNCTIONS:
        worst = max(
            (measured(function, name, repeated) for name in TEXTS), key=lambda one: one.more
        )
        growth = worst.more / max(worst.fewer, 1e-6)
        verdict = "  TOO FAST" if worst.grows_too_fast else ""
        figures = f"{worst.fewer * 1000:13.2f}{worst.more * 1000:13.2f}{growth:9.1f}"
        sys.stdout.write(f"{function:26}{worst.text:28}{figures}{verdict}\n")
        sys.stdout.flush()
        failed += worst.grows_too_fast
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
