"""Removes what a run created, unless it was changed or is needed since.

Each function takes the entries that created something, and yields those whose object stays, with
the reason.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from reconcile.model.change import mapping
from reconcile.model.history import Entry, Payload
from reconcile.model.platform import Department, Group, User
from reconcile.model.transitive import reachable
from reconcile.planning.undo.restore_fields import changed_since
from reconcile.planning.undo.working_state import WorkingState

Created: TypeAlias = tuple[Entry, Payload]
Kept: TypeAlias = tuple[Entry, Payload, str]
Object = TypeVar("Object", User, Group)


def remove_users(state: WorkingState, created: Iterable[Created]) -> Iterator[Kept]:
    """Users who manage each other are removed together."""
    linked = {user for user, _ in (*state.memberships, *state.grants)}
    own = [(entry, payload) for entry, payload in created if entry.user not in state.ended]

    def why_stays(user: User, payload: Payload) -> str:
        return _why_user_stays(user, payload, linked)

    leaving, kept = _leaving(own, state.users, lambda entry: entry.user, why_stays)
    yield from kept
    # The manager of a user who stays has to stay too, and the manager's own manager.
    for manager in _needed(state.users, leaving, lambda user: [user.manager]):
        yield *leaving.pop(manager), "stays: it is the manager of a user who stays"
    for user_id in leaving:
        del state.users[user_id]


def _leaving(
    created: Iterable[Created],
    objects: Mapping[str, Object],
    id_of: Callable[[Entry], str],
    why_stays: Callable[[Object, Payload], str],
) -> tuple[dict[str, Created], list[Kept]]:
    """What can be removed, by id, and what stays, as far as that is seen from each by itself."""
    leaving: dict[str, Created] = {}
    kept: list[Kept] = []
    for entry, payload in created:
        created_object = objects.get(id_of(entry))
        if created_object is None:
            continue
        if why := why_stays(created_object, payload):
            kept.append((entry, payload, why))
        else:
            leaving[created_object.id] = entry, payload
    return leaving, kept


def _needed(
    objects: Mapping[str, Object],
    leaving: Collection[str],
    needs: Callable[[Object], Iterable[str]],
) -> list[str]:
    """The ids of leaving objects that one which stays needs, directly or by another one."""
    staying = [each for each in objects if each not in leaving]
    walked = reachable(staying, lambda each: needs(objects[each]) if each in objects else ())
    return [each for each in walked if each in leaving]


def _why_user_stays(user: User, payload: Payload, linked: Collection[str]) -> str:
    """Why a user that the run created cannot be removed; "" if it can."""
    if user.status == "erased":
        return "was erased"
    if changed := changed_since(user, payload.fields_after, payload.after_ids):
        return f"stays, changed since: {', '.join(changed)}"
    if user.id in linked:
        return "stays: it has memberships or roles that the run did not give"
    return ""


def remove_groups(state: WorkingState, created: Iterable[Created]) -> Iterator[Kept]:
    """Groups that are nested in each other are removed together."""
    filled = {group for _, group in state.memberships}

    def why_stays(group: Group, payload: Payload) -> str:
        return _why_group_stays(group, payload, filled)

    leaving, kept = _leaving(created, state.groups, lambda entry: entry.object, why_stays)
    yield from kept
    # A group that contains one that stays has to stay too.
    for outer in _needed(state.groups, leaving, lambda group: group.groups):
        yield *leaving.pop(outer), "other groups are now nested in it"
    for group_id in leaving:
        del state.groups[group_id]


def _why_group_stays(group: Group, payload: Payload, filled: Collection[str]) -> str:
    """Why a group that the run created cannot be removed; "" if it can."""
    if changed := changed_since(group, payload.fields_after, payload.after_ids):
        return f"changed since: {', '.join(changed)}"
    left: dict[str, str] = {}
    for name, origin in mapping(payload.fields_after, "groups").items():
        left[payload.after_ids.get(f"groups.{name}", "")] = origin or ""
    if not group.groups.items() <= left.items():
        return "its nesting has changed since"
    return "it now has members" if group.id in filled else ""


def remove_departments(state: WorkingState, created: Iterable[Created]) -> Iterator[Kept]:
    """In the order given, which is that of children before their parents."""
    for entry, payload in created:
        department = state.departments.get(entry.object)
        if department is None:
            continue
        if why := _why_department_stays(state, department, payload):
            yield entry, payload, why
        else:
            del state.departments[department.id]


def _why_department_stays(state: WorkingState, department: Department, payload: Payload) -> str:
    """Why a department that the run created cannot be removed; "" if it can."""
    if changed := changed_since(department, payload.fields_after, payload.after_ids):
        return f"changed since: {', '.join(changed)}"
    if any(other.parent == department.id for other in state.departments.values()):
        return "it now has departments below it"
    if any(user.department == department.id for user in state.users.values()):
        return "it now has users"
    return ""
