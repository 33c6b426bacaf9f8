"""One change of a source, department, group or user, taken out of a state.

Each function returns why something of the change could not be undone, "" for nothing.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from reconcile.model.history import Entry, Payload
from reconcile.model.kinds import plain
from reconcile.model.platform import Department, Group
from reconcile.planning.undo.restore_fields import attributes_back, mapping, put_back, texts
from reconcile.planning.undo.working_state import WorkingState

_DEPARTMENT_TEXTS: Final = plain("department")
_GROUP_TEXTS: Final = plain("group")
_GONE: Final = "it no longer exists"


def restore_source(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """A source is never forgotten, and only `rename-source` renames one."""
    if entry.action == "update" and "name" in (payload.after or {}):
        return "use `reconcile rename-source` to give a source its former name back"
    source = state.sources.get(payload.key)
    if source is None:
        return ""
    if entry.action == "create":
        return "a source stays known to the platform"
    values, why = put_back(source, payload, {})
    state.sources[payload.key] = msgspec.structs.replace(source, **values)
    return why


def restore_department(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """The old fields of a department, or a deleted department itself."""
    if entry.action == "delete":
        return _recreate_department(state, entry, payload)
    department = state.departments.get(entry.object)
    if department is None:
        return _GONE
    values, why = put_back(department, payload, {"parent": state.departments})
    state.departments[entry.object] = msgspec.structs.replace(department, **values)
    return why


def _recreate_department(state: WorkingState, entry: Entry, payload: Payload) -> str:
    new = state.recreated["department", entry.object]
    parent = state.department_id(payload.before_ids.get("parent", ""))
    if (payload.before or {}).get("parent") and not parent:
        return "its parent department no longer exists"
    fields = texts(payload.before, _DEPARTMENT_TEXTS)
    state.departments[new] = Department(new, parent=parent, **fields)
    return ""


def restore_group(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """The old fields and nesting of a group, or a deleted group itself."""
    if entry.action == "delete":
        return _recreate_group(state, entry, payload)
    row = state.group_id(entry.object)
    group = state.groups.get(row)
    if group is None:
        return _GONE
    values, why = put_back(group, payload, {})
    nesting, nesting_why = _nesting_back(state, group, payload)
    state.groups[row] = msgspec.structs.replace(group, **values, groups=nesting)
    return why or nesting_why


def _recreate_group(state: WorkingState, entry: Entry, payload: Payload) -> str:
    new = state.recreated["group", entry.object]
    before = _nesting(state, mapping(payload.before), payload.before_ids)
    nesting = {outer: str(origin or "") for outer, origin in before.items() if outer}
    state.groups[new] = Group(new, groups=nesting, **texts(payload.before, _GROUP_TEXTS))
    return ""


def _nesting_back(
    state: WorkingState, group: Group, payload: Payload
) -> tuple[dict[str, str], str]:
    """The groups that a group is nested in, each as before if it is still as the run left it."""
    nesting, why = dict(group.groups), ""
    before = _nesting(state, mapping(payload.before), payload.before_ids)
    after = _nesting(state, mapping(payload.after), payload.after_ids)
    for outer in (before.keys() | after.keys()) - {""}:
        old = before.get(outer)
        if nesting.get(outer) not in (after.get(outer), old):
            why = "changed since: groups"
        elif old is None:
            nesting.pop(outer, None)
        else:
            nesting[outer] = old
    return nesting, why


def _nesting(
    state: WorkingState, groups: Mapping[str, str | None], ids: Mapping[str, str]
) -> dict[str, str | None]:
    """Names of groups as present ids; "" for those that no longer exist."""
    return {
        state.group_id(ids.get(f"groups.{name}", "")): origin for name, origin in groups.items()
    }


def restore_user(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """The old fields and attributes of a user. Deleted and erased users cannot come back."""
    if entry.action == "delete":
        return "was deleted"
    user = state.users.get(entry.user)
    if user is None or user.status == "erased":
        # For a user that the run itself ended, that change gives the reason.
        return "" if entry.user in state.ended else "no longer exists"
    references: dict[str, Mapping[str, object]] = {
        "manager": state.users,
        "department": state.departments,
    }
    values, why = put_back(user, payload, references, state.recreated)
    attributes, attributes_why = attributes_back(user, payload)
    state.users[user.id] = msgspec.structs.replace(user, **values, attributes=attributes)
    lost = ""
    if entry.action == "adopt" and "source" in values:
        lost = "its previous password is lost"
    return "; ".join(filter(None, (why, attributes_why, lost)))
