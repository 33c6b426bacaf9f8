"""What a reader sees below a base: how many persons, groups and OUs, and in which containers."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconcile.directories.search.search import NO_ATTRIBUTES, RawEntry, Search, Searcher
from reconcile.directories.snapshot import snapshot
from reconcile.directories.vendors.table import vendor
from reconcile.model import desired
from reconcile.model.text import dn

_PLACES: Final = 8
"""How many containers are named."""
_DISTINCT: Final = 10_000
"""How many containers are counted one by one; with more, the base is the only place."""
_NAMES: Final = 12
"""How many groups are offered for roles."""
_ROLES: Final = (
    ("administrator", re.compile(r"admin|\broot\b|superuser", re.IGNORECASE)),
    ("manager", re.compile(r"manager|supervisor|\blead(er)?s?\b", re.IGNORECASE)),
    ("editor", re.compile(r"editor|author", re.IGNORECASE)),
    ("auditor", re.compile(r"audit|review", re.IGNORECASE)),
    ("operator", re.compile(r"operator|helpdesk|help desk|support", re.IGNORECASE)),
)
"""Role → how groups are usually named whose members have it, the strongest first."""
_SYSTEM: Final = "iscriticalsystemobject"


class Place(NamedTuple):
    """A container, and how many persons are below it."""

    dn: str
    persons: int


class RoleGroup(NamedTuple):
    """A group whose name suggests a role."""

    role: str
    dn: str


class OwnAccount(NamedTuple):
    """An account that the server made for itself, such as Guest."""

    dn: str
    login: str


class Contents(NamedTuple):
    """What is below a base."""

    persons: int
    groups: int
    units: int
    places: tuple[Place, ...]
    """The containers with persons: the one that holds all of them first, then those within it, the
    largest first."""
    role_groups: tuple[RoleGroup, ...]
    """By role, then by name."""
    own_accounts: tuple[OwnAccount, ...] = ()
    """Those of a domain controller, at most a few."""


def contents(source: desired.Source, searcher: Searcher) -> Contents:
    """Counts by the filters of the source's type. Raises SourceUnreadable."""
    row = vendor(source.type)
    persons, above, own = 0, Counter[str](), list[OwnAccount]()
    attributes = (_SYSTEM, row.identifier) if source.type == "active_directory" else NO_ATTRIBUTES
    for page in searcher.search(snapshot.users_search(source, row, attributes)):
        persons += len(page)
        above.update(_above(entry.dn) for entry in page)
        if len(above) > _DISTINCT:
            above = Counter({source.base_dn: persons})
        own += [account for entry in page for account in _own_accounts(entry, row.identifier)]
        del own[_NAMES:]
    groups, offered = 0, list[RoleGroup]()
    search = snapshot.groups_search(source, row, (_SYSTEM,))
    for page in searcher.search(search):
        groups += len(page)
        for entry in page:
            offered += _role_groups(entry.dn, system=_is_system(entry))
        offered = sorted(offered, key=_rank)[:_NAMES]
    units = sum(1 for _ in _names(searcher, snapshot.units_search(source, row, NO_ATTRIBUTES)))
    return Contents(persons, groups, units, _places(above), tuple(offered), tuple(own))


def _names(searcher: Searcher, search: Search) -> Iterator[str]:
    for page in searcher.search(search):
        for entry in page:
            yield entry.dn


def _is_system(entry: RawEntry) -> bool:
    return b"TRUE" in entry.attributes.get(_SYSTEM, ())


def _own_accounts(entry: RawEntry, identifier: str) -> list[OwnAccount]:
    """The entry as an account of the server's own, if it is one and shows how it logs in."""
    logins = entry.attributes.get(identifier, []) if _is_system(entry) else []
    return [OwnAccount(entry.dn, login.decode("utf-8", "replace")) for login in logins[:1]]


def _above(name: str) -> str:
    """The DN above, as it is written; "" for the topmost and for what is not a DN."""
    try:
        own = dn.rdn(name)
    except ValueError:
        return ""
    return name[len(own) :].lstrip(" ,")


def _places(above: Counter[str]) -> tuple[Place, ...]:
    """The lowest container that holds all, then the ones directly below it."""
    if not above:
        return ()
    keys = {written: _steps(written) for written in above}
    shared = _shared(list(keys.values()))
    below: Counter[tuple[str, ...]] = Counter()
    spelt: dict[tuple[str, ...], str] = {}
    for written, steps in keys.items():
        # Steps begin at the root: those of all containers begin with the shared ones.
        child = steps[: len(shared) + 1]
        below[child] += above[written]
        spelt.setdefault(child, _cut(written, len(steps) - len(child)))
        spelt.setdefault(shared, _cut(written, len(steps) - len(shared)))
    total = Place(spelt[shared], sum(above.values()))
    most = sorted(below.items(), key=lambda item: (-item[1], item[0]))
    inner = [Place(spelt[steps], count) for steps, count in most if steps != shared]
    return (total, *inner[: _PLACES - 1])


def _steps(written: str) -> tuple[str, ...]:
    """The normalized RDNs of a name, the topmost first."""
    return tuple(reversed(dn.key(written).split(","))) if written else ()


def _shared(keys: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of the keys begin with."""
    low, high = min(keys), max(keys)
    same = 0
    while same < min(len(low), len(high)) and low[same] == high[same]:
        same += 1
    return low[:same]


def _cut(written: str, count: int) -> str:
    """The name without its first RDNs."""
    for _ in range(count):
        written = _above(written)
    return written


def _role_groups(name: str, *, system: bool) -> list[RoleGroup]:
    """The group with the role that its name suggests; the server's own groups suggest none."""
    own = dn.first_value(name)
    # In a rule an asterisk would be a wildcard.
    if (system and own.lower() != "domain admins") or "*" in name:
        return []
    role = next((role for role, pattern in _ROLES if pattern.search(own)), "")
    return [RoleGroup(role, name)] if role else []


def _rank(group: RoleGroup) -> tuple[int, str]:
    return next(place for place, (role, _) in enumerate(_ROLES) if role == group.role), group.dn
