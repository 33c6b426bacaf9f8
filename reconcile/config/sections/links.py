"""Who is who, and what becomes of what the directory clears: `links`, `match_by`, `when_absent`, `takes_over`."""

from collections.abc import Mapping
from typing import Any, Final

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, mappings, text, texts
from reconcile.config.schema.wording import choice
from reconcile.config.yaml.nodes import Path, shortened
from reconcile.model import desired
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name

KINDS: Final = ("user", "group", "department")
_FACTS: Final = ("dn", "username", "email")
_FIELDS: Final = ("first_name", "last_name", "email", "manager")


def link(values: Mapping[str, Any], place: str) -> desired.Link:
    """A link of a file without problems."""
    kind = next(kind for kind in KINDS if kind in values)
    entry = values["person"] if kind == "user" else values["entry"]
    return desired.Link(kind, values[kind], values["source"], entry, place)  # type: ignore[arg-type] # of KINDS


def absence(value: str | Mapping[str, str]) -> dict[str, Any]:
    """`when_absent` as the settings of users have it."""
    return {"when_absent": value} if isinstance(value, str) else {"absent": dict(value)}


def check(data: Values, findings: Findings) -> None:
    """Adds links that name not one thing and one entry, or the same thing or entry twice.

    With several workspaces one entry may be that of several users, groups or departments: of one in
    each.
    """
    seen: dict[tuple[str, str, str], int] = {}
    alone = len(list(texts(mapping(data, "platform"), "workspaces"))) <= 1
    for index, item in mappings(data, "links"):
        path: Path = ("links", index)
        kinds = [kind for kind in KINDS if kind in item]
        if len(kinds) != 1:
            findings.add(
                path,
                "a link is about one user, group or department: `{user: kora, source: corp, person: …}`",
            )
            continue
        kind = kinds[0]
        wanted, other = ("person", "entry") if kind == "user" else ("entry", "person")
        if wanted not in item:
            findings.missing(path, wanted)
        if other in item:
            findings.add((*path, other), f"a {kind} stands for what `{wanted}` names", key=True)
        name = text(item, kind)
        if kind == "department" and name and not _is_path(name):
            findings.add(
                (*path, kind), r"not a path of titles: a / within a title is \/, a \ is \\"
            )
        ends = [("", kind, name)]
        if alone:
            ends.append((text(item, "source"), kind, text(item, wanted)))
        for source, what, word in ends:
            first = seen.setdefault((source, what, fold_name(word)), index)
            if word and first != index and not findings.touch(path):
                findings.twice(path, ("links", first))


def check_source(source: Values, path: Path, findings: Findings) -> None:
    """Adds facts and fields that there are not, and sources that cannot be taken over from."""
    users, here = mapping(source, "users"), (*path, "users")
    own = [field for _, item in mappings(users, "attributes") if (field := text(item, "field"))]
    facts, given = dict(texts(users, "match_by")), mapping(users, "fields")
    for index, fact in facts.items():
        if fact not in (*_FACTS, *own):
            findings.add((*here, "match_by", index), choice(fact, [*_FACTS, *own]))
        elif fact in given and given[fact] is None:
            findings.add(
                (*here, "match_by", index),
                f"{shortened(fact)} is not managed, so it tells nobody apart",
            )
        elif fact in [facts[at] for at in facts if at < index]:
            findings.add((*here, "match_by", index), f"{shortened(fact)} is given already")
    if len(facts) == 1 and not findings.touch((*here, "match_by")):
        findings.add(
            (*here, "match_by"),
            "two facts have to agree: name at least two, or [] for ids and links alone",
        )
    absent = users.get("when_absent")
    for field in absent if isinstance(absent, dict) else ():
        if field not in (*_FIELDS, *own):
            findings.add((*here, "when_absent", field), choice(field, [*_FIELDS, *own]), key=True)
    for index, name in texts(source, "takes_over"):
        if name == text(source, "name"):
            findings.add((*path, "takes_over", index), "a source does not take over from itself")
    for index, field in texts(users, "require"):
        if field in given and given[field] is None:
            findings.add(
                (*here, "require", index),
                f"{shortened(field)} is not managed, so it cannot be required",
            )


def _is_path(name: str) -> bool:
    try:
        titles(name)
    except ValueError:
        return False
    return True
