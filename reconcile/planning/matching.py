"""Which person is which user: by external id, else by DN, else by username, always within one source.

The last two relink: the directory gave the entry a new id (deleted and made again, restored, moved to another server),
or had none before. A user whose id still exists elsewhere in the directory is never relinked to somebody else.
"""

from collections.abc import Iterable, Mapping

import msgspec

from reconcile.model import dn
from reconcile.model.folding import fold_name
from reconcile.model.platform import User
from reconcile.planning.index import Index


class Matches(msgspec.Struct):
    """Position of a person → the user; `relinked` says of some how they were found; `unmatched` users are left."""

    users: dict[int, User]
    unmatched: dict[str, User]
    relinked: dict[int, str]


def match(index: Index, users: Iterable[User]) -> Matches:
    """Matches by external id, then by DN. `users` are those of the index's source, erased ones left out."""
    snapshot = index.snapshot
    found = Matches({}, {user.id: user for user in users}, {})
    by_external = {user.external_id: user for user in found.unmatched.values() if user.external_id}
    for position, person in enumerate(snapshot.persons):
        user = by_external.get(person.external_id) if person.external_id else None
        if user is not None and user.id in found.unmatched:
            found.users[position] = found.unmatched.pop(user.id)
    if found.unmatched and len(found.users) < len(snapshot.persons):
        for user in list(found.unmatched.values()):
            at = index.persons.get(dn.key(user.dn))
            if at is not None and at not in found.users and _may_relink(user, index):
                _link(found, at, user, "DN")
    return found


def match_usernames(found: Matches, index: Index, usernames: Mapping[int, str]) -> None:
    """Matches what is left by username (position → wanted username); a name wanted twice matches nobody."""
    if not found.unmatched:
        return
    by_name: dict[str, list[int]] = {}
    for position, username in usernames.items():
        if position not in found.users:
            by_name.setdefault(fold_name(username), []).append(position)
    for user in list(found.unmatched.values()):
        positions = by_name.get(fold_name(user.username), [])
        if len(positions) == 1 and _may_relink(user, index):
            _link(found, positions[0], user, "username")


def _may_relink(user: User, index: Index) -> bool:
    return (user.external_id or user.dn) not in index.snapshot.strays


def _link(found: Matches, position: int, user: User, how: str) -> None:
    found.users[position] = user
    del found.unmatched[user.id]
    found.relinked[position] = f"relinked by {how}: the directory's id was {user.external_id or 'unknown'}"
