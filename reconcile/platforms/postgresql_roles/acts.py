"""Calls to acts: what has to be done to which role, as the block on the server takes it (`run`)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from reconcile.model.book import Call
from reconcile.model.text.instants import NEVER, instant, rfc3339
from reconcile.platforms.postgresql_roles.marks import Mark, marked, written
from reconcile.platforms.postgresql_roles.settings import RoleSettings
from reconcile.ports import Rejected

Act: TypeAlias = dict[str, Any]
"""`do` says what. Roles are meant by their ids, but for new ones and those that are granted."""


def acts(call: Call, comments: Mapping[str, str], settings: RoleSettings) -> list[Act]:
    """What carries out a call. `comments`: those of roles that are changed, by id.

    Raises Rejected for a value that no role can have.
    """
    match call.operation:
        case "create":
            return _create(call, settings)
        case "update":
            return _update(call, comments, settings)
        case "delete":
            return [{"do": "drop", "role": call.platform_id}]
        case "link" | "unlink":
            return _links(call)


def _create(call: Call, settings: RoleSettings) -> list[Act]:
    fields: Mapping[str, Any] = call.fields
    mark = marked(call.kind, "")  # type: ignore[arg-type] # an object, for it is created
    mark, until = _marked(mark, fields, settings)
    is_user = mark.kind == "user"
    name = fields["username" if is_user else "name"]
    active = is_user and (fields.get("status") or "active") == "active"
    made: list[Act] = [{"do": "create", "name": name, "login": active}]
    if until is not None:
        made.append({"do": "until", "name": name, "until": until})
    return [*made, {"do": "comment", "name": name, "text": written(mark)}]


def _update(call: Call, comments: Mapping[str, str], settings: RoleSettings) -> list[Act]:
    fields: Mapping[str, Any] = call.fields
    role, comment = call.platform_id, comments.get(call.platform_id, "")
    before = marked(call.kind, comment)  # type: ignore[arg-type] # what is updated is an object
    mark, until = _marked(before, fields, settings)
    made: list[Act] = []
    if written(mark) != comment:
        made.append({"do": "comment", "role": role, "text": written(mark)})
    if "status" in fields:
        active = (fields["status"] or "active") == "active"
        made.append({"do": "login", "role": role, "login": active})
    if until is not None:
        made.append({"do": "until", "role": role, "until": until})
    name = fields.get("username") or fields.get("name")
    if name:
        made.append({"do": "rename", "role": role, "name": name})
    return made


def _marked(
    mark: Mark, fields: Mapping[str, Any], settings: RoleSettings
) -> tuple[Mark, str | None]:
    """The mark with what the fields change of it; and the new expiry, None where it stays."""
    if "external_id" in fields:
        mark = mark._replace(external_id=fields["external_id"] or "")
    attributes = fields.get("attributes") or {}
    if not settings.valid_until or settings.valid_until not in attributes:
        return mark, None
    text = attributes[settings.valid_until] or ""
    time = instant(text) if text else NEVER
    if time is None:
        raise Rejected(f"the attribute {settings.valid_until} is no time: {text!r}")
    return mark._replace(until=text), "infinity" if time == NEVER else rfc3339(time)


def _links(call: Call) -> list[Act]:
    """One act for each group or role: GRANT takes many members."""
    by_holder: dict[str, list[str]] = {}
    for member, holder in call.pairs:
        by_holder.setdefault(holder, []).append(member)
    operation = "grant" if call.operation == "link" else "revoke"
    holder_key = "name" if call.kind == "grant" else "role"
    return [
        {"do": operation, holder_key: holder, "members": members}
        for holder, members in by_holder.items()
    ]
