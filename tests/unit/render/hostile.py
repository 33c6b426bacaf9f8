"""A plan in which every text is foreign, and where each of them stands."""

from collections.abc import Callable, Iterator

import msgspec

from reconcile.model import kinds
from reconcile.model.change import (
    Acceptance,
    Change,
    Digests,
    Existing,
    Fields,
    Plan,
    Scope,
    Skip,
    Violation,
)
from reconcile.model.notice import Notice
from reconcile.model.platform import Reading

ACTIONS = {"source": "update", "membership": "delete", "grant": "create"}


def fields(kind: kinds.Kind, text: Callable[[str], str]) -> Fields:
    """Every field of a kind, each with a text of its own."""
    return {
        field.name: {text(f"{kind}.{field.name}.key"): text(f"{kind}.{field.name}")}
        if field.mapping
        else text(f"{kind}.{field.name}")
        for field in kinds.KINDS[kind]
    }


def change(kind: kinds.Kind, text: Callable[[str], str]) -> Change:
    return Change(
        kind,
        ACTIONS.get(kind, "update"),  # type: ignore[arg-type]
        text(f"{kind}.key"),
        None if kind == "grant" else fields(kind, lambda name: text(f"before.{name}")),
        None if kind == "membership" else fields(kind, lambda name: text(f"after.{name}")),
        text(f"{kind}.reason"),
        "corp",
        "main",
    )


def plan_of(text: Callable[[str], str]) -> Plan:
    """A plan with a change of each kind; `text` makes the text for a place, which it is called with."""
    violation = Violation(
        "main", "protected_group", "corp", text("violation.subject"), 1, text("violation.detail")
    )
    accepted = msgspec.structs.replace(violation, number=2)
    return Plan(
        "1",
        "2026-11-29T14:00:00Z",
        ("reconcile.yml",),
        (),
        Scope(targets=(f"user:{text('target')}",)),
        Digests("0" * 64, {"corp": "0" * 64}, {"main": "0" * 64}),
        tuple(change(kind, text) for kind in kinds.KINDS),
        (
            Skip(
                "main",
                "corp",
                text("skip.dn"),
                text("skip.username"),
                "namesake",
                text("skip.detail"),
                subject=text("skip.subject"),
            ),
            Skip(
                "main",
                "corp",
                "",
                "",
                "not_undone",
                text("skip.why"),
                False,
                "group",
                text("skip.group"),
            ),
        ),
        (violation, accepted),
        (Existing("main", "corp", 3, 2, 1),),
        (Reading("corp", 3),),
        accepted=(Acceptance(accepted.code, text("accepted.by"), "2026-11-29T14:00:00Z"),),
        notices=(
            Notice(
                "finds_nothing",
                text("notice.text"),
                "groups[0]",
                "reconcile.yml:1:2",
                text("notice.pattern"),
                ("corp",),
                (text("notice.nearest"),),
            ),
        ),
    )


def texts(plan: Plan) -> Iterator[str]:
    """Every text anywhere in a plan, names of fields included."""
    yield from _texts(msgspec.to_builtins(plan))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
