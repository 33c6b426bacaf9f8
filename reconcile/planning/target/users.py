"""From settled candidates and departed users to the users that are wanted, with a reason for what differs."""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from reconcile.model.desired import Lifecycle
from reconcile.model.platform import Department, User
from reconcile.model.text import dn
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import status
from reconcile.planning.target.candidates import Candidate


class Accounts(msgspec.Struct):
    """The users wanted, by id; `reasons` says of some why they are new or changed.

    `deleted` are the ids of those to go, `erased` of those of whom only the row stays, `names` all
    usernames that are there or given out, case-folded.
    """

    users: dict[str, User]
    reasons: dict[str, str]
    deleted: set[str]
    erased: set[str]
    names: set[str]


class Placing(msgspec.Struct, frozen=True):
    """Departments as users are put into them.

    `ids`: source and normalized DN → id of those selected; `there`: those on the platform, by id. Nobody comes into
    those of `held`, whose name no longer stands for their entry.
    """

    ids: Mapping[tuple[str, str], str]
    there: Mapping[str, Department]
    held: Collection[str] = ()

    def of(self, candidate: Candidate) -> str:
        """The id of the department of a candidate's user; "" for none."""
        source, user = candidate.rules.source.name, candidate.user
        key = candidate.rules.department(candidate.position)
        listed = self.ids.get((source, key), "") if key else ""
        now = user.department if user is not None else ""
        if listed and listed != now and (candidate.held or listed in self.held):
            listed = ""
        if listed or not now:
            return listed
        before = self.there.get(now)
        # Into a department of nobody else's a person put the user, not this source.
        return now if before is not None and before.source != source else ""


def user_id(candidate: Candidate) -> str:
    """The id of the user; that of one not there yet stands for it within the wanted state only."""
    if candidate.user is not None:
        return candidate.user.id
    return f"new user {candidate.rules.source.name} {candidate.position}"


def supply(
    accounts: Accounts, candidates: Iterable[Candidate], lifecycle: Lifecycle, placing: Placing
) -> None:
    """Adds the users of the candidates, all but their managers."""
    for candidate in candidates:
        source, user = candidate.rules.source.name, candidate.user
        if user is None:
            user = User(user_id(candidate), candidate.username, status_origin=source, source=source)
            accounts.reasons[user.id] = candidate.rules.why(candidate.position)
        elif candidate.why:
            accounts.reasons[user.id] = candidate.why
        accounts.users[user.id] = _supplied(user, candidate, placing.of(candidate), lifecycle)


def _supplied(user: User, candidate: Candidate, department: str, lifecycle: Lifecycle) -> User:
    person, values, source = candidate.person, candidate.values, candidate.rules.source.name
    state, origin, cause, before = _standing(user, candidate, lifecycle)
    attributes = user.attributes
    if any(attributes.get(field) != text for field, text in candidate.attributes.items()):
        merged = attributes | candidate.attributes
        attributes = {field: text for field, text in merged.items() if text is not None}
    wanted = User(
        user.id,
        candidate.username,
        values.get("first_name", user.first_name),
        values.get("last_name", user.last_name),
        values.get("email", user.email),
        state,
        origin,
        cause,
        before,
        "",
        "",
        source,
        same_id(user.external_id, person.external_id),
        dn.respelt(user.dn, person.dn),
        department,
        user.manager,
        attributes,
    )
    return user if wanted == user else wanted


def _standing(user: User, candidate: Candidate, lifecycle: Lifecycle) -> status.Standing:
    """Service comes before the profile; but who is held, or of whom nothing can be told, is not put into service."""
    source = candidate.rules.source.name
    if candidate.disabled:
        return status.disabled(user, source, lifecycle)
    if candidate.held or candidate.disabled is None:
        return status.standing(user)
    return status.enabled(user, source, lifecycle)


def same_id(known: str, read: str) -> str:
    """The external id to keep: another spelling of the known one is the same id, and none read is no other one."""
    return known if not read or read.lower() == known.lower() else read


def assign_managers(
    accounts: Accounts, candidates: Iterable[Candidate], located: Mapping[tuple[str, int], str]
) -> list[tuple[SourceRules, str, str]]:
    """Sets managers where the source names them. `located`: source and position of a person → id of its user.

    A manager who is nobody's user clears the field, if it is cleared with the directory; a source
    without a manager attribute leaves it alone, and so does a profile that is held. Of several
    managers the one of now stays. A name that can mean several persons leaves it alone, too:
    returned are the rules of its source, the name, and the DN of who has it.
    """
    found: dict[tuple[str, str], str | None] = {}
    unclear: list[tuple[SourceRules, str, str]] = []
    for candidate in candidates:
        if candidate.person.manager is None or candidate.held:
            continue
        source, user = candidate.rules.source.name, accounts.users[user_id(candidate)]
        index, ids = candidate.rules.index, []
        for written in candidate.person.managers or (candidate.person.manager,):
            if (source, written) not in found:
                position = index.position(written)
                manager = located.get((source, position), "")
                there = manager in accounts.users and manager not in accounts.erased
                found[source, written] = manager if there else ""
                if position < 0 and index.several_persons(written):
                    found[source, written] = None
                    unclear.append((candidate.rules, written, candidate.person.dn))
            ids.append(found[source, written])
        leader = user.manager if user.manager and user.manager in ids else ids[0]
        if leader is None or leader == user.manager:
            continue
        if leader or candidate.rules.source.users.clears("manager"):
            accounts.users[user.id] = msgspec.structs.replace(user, manager=leader)
    for user in list(accounts.users.values()) if accounts.erased else ():
        if user.manager in accounts.erased:
            accounts.users[user.id] = msgspec.structs.replace(user, manager="")
    return unclear
