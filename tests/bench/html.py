"""The page of a plan in headless Chromium: python -m tests.bench.html [CHANGES...]

For each number of changes (20,000 and 100,000 unless told otherwise): how large the page is, how
long it takes to make, when its first rows are there, and how long a filter takes until it is
painted. The goals are those of an idle machine, for 20,000 changes: first rows within 1 s, a filter
within 300 ms.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.report import Showing
from reconcile.render.html import page
from tests.servers.chromium import Browser, chromium, screen

FILTERS: Final = (
    ("a rare text, the first time", "user00017"),
    ("a common text", "team 7"),
    ("everything again", ""),
)
_FILTER: Final = """
const [text, done] = arguments;
const field = document.getElementById("text");
const start = performance.now();
field.value = text;
field.dispatchEvent(new Event("input", {bubbles: true}));
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
"""
_MARKS: Final = """
const entries = [...performance.getEntriesByType("paint"), ...performance.getEntriesByType("mark")];
return Object.fromEntries(entries.map((entry) => [entry.name, entry.startTime]));
"""


def plan(number: int) -> Plan:
    """Users created, changed and blocked, and memberships given and taken."""
    changes = tuple(map(_change, range(number)))
    return Plan(
        "1", "", ("reconcile.yml",), (), Scope(), Digests("0" * 64, {}, {"main": ""}), changes
    )


def _change(number: int) -> Change:
    name, team = f"user{number:05d}", f"Company/Team {number % 40}"
    pair = {"user": name, "group": f"group-{number % 60}", "origin": "corp"}
    email = f"{name}@example.com"
    created = {
        "username": name,
        "first_name": "Anna",
        "last_name": "Rossi",
        "email": email,
        "status": "active",
        "source": "corp",
        "dn": f"uid={name},ou=people,dc=example,dc=com",
        "department": team,
    }
    kinds: tuple[tuple[Any, ...], ...] = (
        ("user", "create", name, None, created, "new in corp: selected by users.base"),
        ("user", "update", name, {"email": "old@example.com"}, {"email": email}, "changed in corp"),
        ("membership", "create", f"{name}/{pair['group']}", None, pair, "member of cn=group"),
        ("membership", "delete", f"{name}/{pair['group']}", pair, None, "no longer a member"),
        ("user", "block", name, {"status": "active"}, {"status": "blocked"}, "missing in corp"),
    )
    kind, action, key, before, after, why = kinds[number % len(kinds)]
    return Change(kind, action, key, before, after, why, "corp", "main")


def measure(browser: Browser, number: int) -> None:
    """Prints the figures of one page."""
    started = time.perf_counter()
    text = page(plan(number), Showing())
    made = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.html")
        file.write_text(text, encoding="utf-8")
        browser.get(file.as_uri())
        marks = browser.execute_script(_MARKS)
        _say(f"{number:,} changes: {file.stat().st_size / 1e6:.1f} MB, made in {made:.2f} s")
        for name, milliseconds in sorted(marks.items(), key=lambda mark: mark[1]):
            _say(f"  {name:<28} {milliseconds:6.0f} ms")
        time.sleep(1)
        for name, words in FILTERS:
            taken = browser.execute_async_script(_FILTER, words)
            _say(f"  {name:<28} {taken:6.0f} ms")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(numbers: list[int]) -> None:
    """Measures each number of changes in one browser."""
    with chromium() as browser:
        screen(browser, 1280, 900)
        for number in numbers or [20_000, 100_000]:
            measure(browser, number)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
