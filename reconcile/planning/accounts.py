"""From settled candidates and departed users to the users that are wanted, with a reason for what differs."""

from collections.abc import Iterable, Mapping

import msgspec

from reconcile.model import dn
from reconcile.model.desired import Lifecycle
from reconcile.model.platform import Department, User
from reconcile.planning import status
from reconcile.planning.people import Candidate
from reconcile.planning.rules import SourceRules


class Accounts(msgspec.Struct):
    """The users wanted, by id; `reasons` says of some why they are new or changed.

    `deleted` are the ids of those to go, `erased` of those of whom only the row stays, `names` all usernames that are
    there or given out, case-folded.
    """

    users: dict[str, User]
    reasons: dict[str, str]
    deleted: set[str]
    erased: set[str]
    names: set[str]


def user_id(candidate: Candidate) -> str:
    """The id of the user; that of one not there yet stands for it within the wanted state only."""
    if candidate.user is not None:
        return candidate.user.id
    return f"new user {candidate.rules.source.name} {candidate.position}"


def supply(
    accounts: Accounts,
    candidates: Iterable[Candidate],
    lifecycle: Lifecycle,
    department_ids: Mapping[tuple[str, str], str],
    departments: Mapping[str, Department],
) -> None:
    """Adds the users of the candidates, all but their managers.

    `department_ids`: source and normalized DN → id of those selected; `departments`: those on the platform, by id.
    """
    for candidate in candidates:
        source = candidate.rules.source.name
        before = candidate.user
        key = candidate.rules.department(candidate.position)
        department = department_ids.get((source, key), "") if key else ""
        if before is None:
            user = User(user_id(candidate), candidate.username, status_origin=source, source=source)
            accounts.reasons[user.id] = candidate.rules.why(candidate.position)
        else:
            user = before
            held = departments.get(user.department) if not department and user.department else None
            if held is not None and held.source != source:
                department = user.department  # a person put the user there, not this source
            if candidate.why:
                accounts.reasons[user.id] = candidate.why
        accounts.users[user.id] = _supplied(user, candidate, department, lifecycle)


def _supplied(user: User, candidate: Candidate, department: str, lifecycle: Lifecycle) -> User:
    person, values, source = candidate.person, candidate.values, candidate.rules.source.name
    decide = status.disabled if candidate.disabled else status.enabled
    state, origin, cause, before = decide(user, source, lifecycle)
    attributes = user.attributes
    if candidate.attributes and any(attributes.get(field) != text for field, text in candidate.attributes.items()):
        attributes = attributes | candidate.attributes
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
        person.external_id or user.external_id,
        dn.respelt(user.dn, person.dn),
        department,
        user.manager,
        attributes,
    )
    return user if wanted == user else wanted


def assign_managers(
    accounts: Accounts, candidates: Iterable[Candidate], located: Mapping[tuple[str, int], str]
) -> list[tuple[SourceRules, str, str]]:
    """Sets managers where the source names them. `located`: source and position of a person → id of its user.

    A manager who is nobody's user clears the field; a source without a manager attribute leaves it alone. So does a
    name that can mean several persons: returned are the rules of its source, the name, and the DN of who has it.
    """
    found: dict[tuple[str, str], str | None] = {}
    unclear: list[tuple[SourceRules, str, str]] = []
    for candidate in candidates:
        written = candidate.person.manager
        if written is None:
            continue
        source = candidate.rules.source.name
        if (source, written) not in found:
            index = candidate.rules.index
            position = index.position(written)
            manager = located.get((source, position), "")
            found[source, written] = manager if manager in accounts.users and manager not in accounts.erased else ""
            if position < 0 and index.several_persons(written):
                found[source, written] = None
                unclear.append((candidate.rules, written, candidate.person.dn))
        own_id = user_id(candidate)
        user = accounts.users[own_id]
        leader = found[source, written]
        if leader is not None and user.manager != leader:
            accounts.users[own_id] = msgspec.structs.replace(user, manager=leader)
    for user in list(accounts.users.values()) if accounts.erased else ():
        if user.manager in accounts.erased:
            accounts.users[user.id] = msgspec.structs.replace(user, manager="")
    return unclear
