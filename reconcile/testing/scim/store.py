"""The users and groups of the stand-in, and what its requests do to them."""

import itertools
import re
import threading
from collections.abc import Mapping
from typing import Any, Final

from reconcile.platforms.scim.paths import Path, Resource, parsed, put, value
from reconcile.testing.scim.quirks import Quirks

CAP: Final = 100_000
_FILTER: Final = re.compile(r'\s*([\w.]+) eq "((?:[^"\\]|\\.)*)"\s*')
_MEMBER: Final = re.compile(r'members\[value eq "((?:[^"\\]|\\.)*)"\]')
_NAMES: Final = {"Users": "userName", "Groups": "displayName", "Departments": "displayName"}


class Failed(Exception):
    """A request that cannot be done: status, scimType, detail."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        self.status = status
        self.body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": str(status),
            "scimType": kind,
            "detail": detail,
        }
        super().__init__(detail)


class Store:
    """Resources by endpoint and id. Every method is one step for all threads."""

    def __init__(self, quirks: Quirks) -> None:
        """It is empty."""
        self.quirks = quirks
        self.resources: dict[str, dict[str, Resource]] = {name: {} for name in _NAMES}
        self.refused: set[str] = set()
        """User names that are refused."""
        self._numbers = itertools.count(1)
        self._taken: dict[tuple[str, str], str] = {}
        """Endpoint and name, in small letters → the id of who had it last."""
        self.lock = threading.RLock()

    def of(self, endpoint: str) -> dict[str, Resource]:
        """The resources of an endpoint, by id."""
        if endpoint not in self.resources:
            raise Failed(404, "", f"there is nothing at {endpoint}")
        return self.resources[endpoint]

    def named(self, endpoint: str, name: str) -> Resource:
        """The resource with a name. Raises KeyError."""
        attribute = _NAMES[endpoint]
        for resource in self.of(endpoint).values():
            if resource[attribute] == name:
                return resource
        raise KeyError(name)

    def create(self, endpoint: str, resource: Resource) -> Resource:
        """Takes a new resource in."""
        with self.lock:
            new = {**resource, "id": f"{endpoint[0].lower()}{next(self._numbers):06}"}
            self._check(endpoint, new)
            self._settle(endpoint, new)
            self.of(endpoint)[new["id"]] = new
            return self.shown(endpoint, new)

    def _check(self, endpoint: str, new: Resource) -> None:
        name = _NAMES[endpoint]
        wanted = new.get(name)
        if not isinstance(wanted, str) or not wanted:
            raise Failed(400, "invalidValue", f"{name} is missing")
        if wanted in self.refused:
            raise Failed(400, "", "the application says no")
        if endpoint == "Departments":
            return
        holder = self.of(endpoint).get(self._taken.get((endpoint, wanted.lower()), ""))
        if holder is None or holder["id"] == new["id"]:
            return
        if holder[name].lower() == wanted.lower():
            raise Failed(409, "uniqueness", f"{name} {wanted} is taken")

    def _settle(self, endpoint: str, new: Resource) -> None:
        """What becomes of a resource when it is stored."""
        self._taken[endpoint, new[_NAMES[endpoint]].lower()] = new["id"]
        if self.quirks.drops_external_id:
            new.pop("externalId", None)
        if endpoint == "Users":
            new.setdefault("active", True)
        if endpoint == "Groups":
            new["members"] = [dict(member) for member in new.get("members") or []]
        version = int(new.get("meta", {}).get("version", '"0"').strip('W/"')) + 1
        new["meta"] = {"resourceType": endpoint[:-1], "version": f'W/"{version}"'}

    def get(self, endpoint: str, own: str) -> Resource:
        """One resource as it is stored. Raises Failed."""
        found = self.of(endpoint).get(own)
        if found is None:
            raise Failed(404, "", f"there is no {own}")
        return found

    def shown(self, endpoint: str, resource: Resource, *, listed: bool = False) -> Resource:
        """A resource as answers show it."""
        new = dict(resource)
        if endpoint == "Groups":
            self._show_members(new, listed=listed)
        elif endpoint == "Users" and self.quirks.shows_groups:
            new["groups"] = [
                {"value": group["id"], "display": group["displayName"]}
                for group in self.resources["Groups"].values()
                if any(member["value"] == new["id"] for member in group["members"])
            ]
        return new

    def _show_members(self, group: Resource, *, listed: bool) -> None:
        quirks = self.quirks
        members = group["members"]
        if quirks.no_members or (listed and quirks.no_members_in_lists):
            members = []
        if quirks.members_capped:
            members = members[: quirks.members_capped]
        if quirks.members_by_name:
            users = self.resources["Users"]
            members = [
                {**member, "value": users[member["value"]]["userName"]}
                for member in members
                if member["value"] in users
            ]
        group["members"] = members

    def filtered(self, endpoint: str, text: str) -> list[Resource]:
        """The resources that a filter lets through."""
        everything = list(self.of(endpoint).values())
        if not text or self.quirks.ignores_filter:
            return everything
        match = _FILTER.fullmatch(text)
        if match is None or self.quirks.refuses_filter:
            raise Failed(400, "invalidFilter", f"the filter {text} is not understood")
        attribute, wanted = match[1], re.sub(r"\\(.)", r"\1", match[2])
        if attribute == "groups.value":
            group = self.resources["Groups"].get(wanted)
            inside = {member["value"] for member in group["members"]} if group else set()
            return [one for one in everything if one["id"] in inside]
        return [one for one in everything if one.get(attribute) == wanted]

    def replace(self, endpoint: str, own: str, resource: Resource) -> Resource:
        """A PUT."""
        with self.lock:
            old = self.get(endpoint, own)
            new = {**resource, "id": own, "meta": old.get("meta", {})}
            self._check(endpoint, new)
            self._settle(endpoint, new)
            self.of(endpoint)[own] = new
            return self.shown(endpoint, new)

    def delete(self, endpoint: str, own: str) -> None:
        """A DELETE."""
        with self.lock:
            found = self.get(endpoint, own)
            if self.quirks.delete_disables and endpoint == "Users":
                found["active"] = False
                return
            del self.of(endpoint)[own]
            if self.quirks.keeps_dangling:
                return
            for group in self.resources["Groups"].values():
                group["members"] = [one for one in group["members"] if one["value"] != own]

    def patch(self, endpoint: str, own: str, message: Mapping[str, Any]) -> Resource:
        """A PATCH."""
        with self.lock:
            new = _copied(self.get(endpoint, own))
            try:
                for operation in message["Operations"]:
                    self._operate(new, operation)
                self._check(endpoint, new)
            except Failed:
                if self.quirks.patch_not_atomic:
                    self._settle(endpoint, new)
                    self.of(endpoint)[own] = new
                raise
            self._settle(endpoint, new)
            self.of(endpoint)[own] = new
            return self.shown(endpoint, new)

    def _operate(self, new: Resource, operation: Mapping[str, Any]) -> None:
        op, text, given = operation["op"], operation["path"], operation.get("value")
        if op not in ("add", "replace", "remove"):
            raise Failed(400, "invalidSyntax", f"op {op}")
        if text == "userName" and self.quirks.fixed_usernames and given != new["userName"]:
            raise Failed(400, "mutability", "userName cannot change")
        if text == "active" and self.quirks.deactivate_does_nothing:
            return
        if text.startswith("members"):
            self._operate_members(new, op, text, given)
        elif match := re.fullmatch(r'roles\[value eq "((?:[^"\\]|\\.)*)"\]', text):
            wanted = re.sub(r"\\(.)", r"\1", match[1])
            new["roles"] = [one for one in new.get("roles", []) if one.get("value") != wanted]
        else:
            _operate_path(new, op, text, given)

    def _operate_members(self, group: Resource, op: str, text: str, given: Any) -> None:
        quirks = self.quirks
        members: list[dict[str, Any]] = group["members"]
        if quirks.members_capped:
            del members[quirks.members_capped :]
        if op == "add":
            if not quirks.add_does_nothing:
                known = {member["value"] for member in members}
                group["members"] = members + [one for one in given if one["value"] not in known]
            return
        if quirks.remove_does_nothing:
            return
        match = _MEMBER.fullmatch(text)
        if match is not None:
            gone = {re.sub(r"\\(.)", r"\1", match[1])}
        elif given is None or quirks.remove_by_value_removes_all:
            group["members"] = []
            return
        else:
            gone = {one["value"] for one in given}
        group["members"] = [one for one in members if self._member_called(one) not in gone]
        if quirks.last_member_stays and not group["members"]:
            group["members"] = members
            raise Failed(500, "", "members are required")

    def _member_called(self, member: Mapping[str, Any]) -> str:
        user = self.resources["Users"].get(member["value"])
        if self.quirks.members_by_name and user is not None:
            return str(user["userName"])
        return str(member["value"])


def _operate_path(new: Resource, op: str, text: str, given: Any) -> None:
    path = parsed(text)
    if path is None:
        raise Failed(400, "invalidPath", f"{text} is no path")
    if path.name == "nosuch":
        raise Failed(400, "invalidPath", f"there is no {text}")
    now = value(new, path)
    if op == "remove":
        put(new, path, None)
    elif op == "add" and isinstance(now, list):
        put(new, path, [*now, *(one for one in given if one not in now)])
    elif path.type and value(new, Path(path.urn, path.name, path.type, "")) is None:
        raise Failed(400, "noTarget", f"{text} matches nothing")
    else:
        put(new, path, given)


def _copied(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _copied(part) for name, part in found.items()}
    return [_copied(part) for part in found] if isinstance(found, list) else found
