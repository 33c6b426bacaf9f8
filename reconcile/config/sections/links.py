"""Which entry is whose: `links`, `match_by`, `takes_over`; and `when_absent` for its fields."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, mappings, text, texts
from reconcile.config.schema.wording import choice
from reconcile.config.yaml.nodes import Path, shortened
from reconcile.model import desired
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name

_Kind: TypeAlias = Literal["user", "group", "department"]
_ENDS: Final[Mapping[_Kind, str]] = {
    "user": "person",
    "group": "entry",
    "department": "entry",
}
"""What can be linked, and the key that names the entry of the source."""
_FACTS: Final = ("dn", "username", "email")
_FIELDS: Final = ("first_name", "last_name", "email", "manager")


def link(values: Mapping[str, Any], place: str) -> desired.Link:
    """A link of a file without problems."""
    (kind,) = _ENDS.keys() & values.keys()
    entry = values[_ENDS[kind]]
    return desired.Link(kind, values[kind], values["source"], entry, place)


def absence(value: str | Mapping[str, str]) -> dict[str, Any]:
    """`when_absent` as the settings of users have it."""
    return {"when_absent": value} if isinstance(value, str) else {"absent": dict(value)}


def check(data: Values, findings: Findings) -> None:
    """Adds links that do not name one thing and one entry, or that repeat a thing or an entry.

    With several workspaces one entry may be that of several users, groups or departments: of one in
    each.
    """
    first: dict[tuple[str, str, str], int] = {}
    single_workspace = len(list(texts(mapping(data, "platform"), "workspaces"))) <= 1
    for index, item in mappings(data, "links"):
        path: Path = ("links", index)
        kinds = _ENDS.keys() & item.keys()
        if len(kinds) != 1:
            message = "a link is about one user, group or department"
            findings.add(path, f"{message}: `{{user: kora, source: corp, person: …}}`")
            continue
        (kind,) = kinds
        _check_ends(item, kind, path, findings)
        _once(("", kind, text(item, kind)), index, first, findings)
        if single_workspace:
            entry = text(item, _ENDS[kind])
            _once((text(item, "source"), kind, entry), index, first, findings)


def _once(
    end: tuple[str, str, str],
    index: int,
    first: dict[tuple[str, str, str], int],
    findings: Findings,
) -> None:
    """Adds an end of a link that an earlier link has. `end`: source ("" for none), kind, name."""
    source, kind, name = end
    earlier = first.setdefault((source, kind, fold_name(name)), index)
    path: Path = ("links", index)
    if name and earlier != index and not findings.touch(path):
        findings.twice(path, ("links", earlier))


def _check_ends(item: Values, kind: _Kind, path: Path, findings: Findings) -> None:
    """The entry is under the right key, and a department is a path of titles."""
    wanted = _ENDS[kind]
    (other,) = set(_ENDS.values()) - {wanted}
    findings.require(item, path, wanted)
    findings.forbid(item, path, other, f"a {kind} is linked by `{wanted}`")
    if kind == "department" and not _is_path(text(item, kind)):
        message = r"not a path of titles: a / within a title is \/, a \ is \\"
        findings.add((*path, kind), message)


def check_source(source: Values, path: Path, findings: Findings) -> None:
    """Adds unknown facts and fields, and sources that cannot be taken over from."""
    users, here = mapping(source, "users"), (*path, "users")
    attributes = (text(item, "field") for _, item in mappings(users, "attributes"))
    own = list(filter(None, attributes))
    fields = mapping(users, "fields")
    unmanaged = {field for field, template in fields.items() if template is None}
    _match_by(users, here, [*_FACTS, *own], unmanaged, findings)
    managed = [*_FIELDS, *own]
    for field in mapping(users, "when_absent"):
        if field not in managed:
            findings.add((*here, "when_absent", field), choice(field, managed), key=True)
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
    """Whether a text is a path of titles; an empty one is reported by the schema."""
    try:
        titles(name)
    except ValueError:
        return not name
    return True
