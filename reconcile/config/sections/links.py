"""Which entry is whose: `links`, `match_by`, `takes_over`; and `when_absent` for its fields."""

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
    """Adds links that do not name one thing and one entry, or that repeat a thing or an entry.

    With several workspaces one entry may be that of several users, groups or departments: of one in
    each.
    """
    seen: dict[tuple[str, str, str], int] = {}
    single_workspace = len(list(texts(mapping(data, "platform"), "workspaces"))) <= 1
    for index, item in mappings(data, "links"):
        path: Path = ("links", index)
        kinds = [kind for kind in KINDS if kind in item]
        if len(kinds) != 1:
            message = "a link is about one user, group or department"
            findings.add(path, f"{message}: `{{user: kora, source: corp, person: …}}`")
            continue
        kind = kinds[0]
        _check_ends(item, kind, path, findings)
        ends = [("", kind, text(item, kind))]
        if single_workspace:
            ends.append((text(item, "source"), kind, text(item, _end(kind))))
        for source, what, word in ends:
            first = seen.setdefault((source, what, fold_name(word)), index)
            if word and first != index and not findings.touch(path):
                findings.twice(path, ("links", first))


def _end(kind: str) -> str:
    """The key that names the entry of the source."""
    return "person" if kind == "user" else "entry"


def _check_ends(item: Values, kind: str, path: Path, findings: Findings) -> None:
    """The entry is under the right key, and a department is a path of titles."""
    wanted = _end(kind)
    other = "entry" if kind == "user" else "person"
    if wanted not in item:
        findings.missing(path, wanted)
    if other in item:
        findings.add((*path, other), f"a {kind} is linked by `{wanted}`", key=True)
    name = text(item, kind)
    if kind == "department" and name and not _is_path(name):
        message = r"not a path of titles: a / within a title is \/, a \ is \\"
        findings.add((*path, kind), message)


def check_source(source: Values, path: Path, findings: Findings) -> None:
    """Adds unknown facts and fields, and sources that cannot be taken over from."""
    users, here = mapping(source, "users"), (*path, "users")
    own = [field for _, item in mappings(users, "attributes") if (field := text(item, "field"))]
    fields = mapping(users, "fields")
    unmanaged = {field for field, template in fields.items() if template is None}
    _match_by(users, here, [*_FACTS, *own], unmanaged, findings)
    absent = mapping(users, "when_absent")
    for field in absent:
        if field not in (*_FIELDS, *own):
            findings.add((*here, "when_absent", field), choice(field, [*_FIELDS, *own]), key=True)
    for index, name in texts(source, "takes_over"):
        if name == text(source, "name"):
            findings.add((*path, "takes_over", index), "a source does not take over from itself")
    for index, field in texts(users, "require"):
        if field in unmanaged:
            message = f"{shortened(field)} is not managed, so it cannot be required"
            findings.add((*here, "require", index), message)


def _match_by(
    users: Values, here: Path, known: list[str], unmanaged: set[str], findings: Findings
) -> None:
    """Facts exist, are managed, are named once, and are at least two."""
    seen: set[str] = set()
    for index, fact in texts(users, "match_by"):
        place = (*here, "match_by", index)
        if fact not in known:
            findings.add(place, choice(fact, known))
        elif fact in unmanaged:
            message = f"{shortened(fact)} is not managed, so it cannot identify users"
            findings.add(place, message)
        elif fact in seen:
            findings.add(place, f"{shortened(fact)} is already given")
        seen.add(fact)
    if len(dict(texts(users, "match_by"))) == 1 and not findings.touch((*here, "match_by")):
        message = "two facts have to agree: name at least two, or [] for ids and links alone"
        findings.add((*here, "match_by"), message)


def _is_path(name: str) -> bool:
    try:
        titles(name)
    except ValueError:
        return False
    return True
