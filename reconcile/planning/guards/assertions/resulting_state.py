"""The state that changes lead to, in names: what assertions are evaluated over.

It is made of the state before and of the changes alone, as guards are. So the same assertions judge
a plan when it is made and once more under the lock.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from reconcile.model.change import Change, mapping, text
from reconcile.model.platform import PlatformState
from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.assertions.drafts import Draft, Index, Links
from reconcile.planning.guards.losses.user_changes import ends

USER_FIELDS: Final = (
    "username",
    "first_name",
    "last_name",
    "email",
    "status",
    "source",
    "external_id",
    "dn",
)
_GROUP_FIELDS: Final = ("name", "source", "external_id", "dn")
_DEPARTMENT_FIELDS: Final = ("title", "source", "external_id", "dn")


class ResultingState:
    """One workspace after the changes. Objects that the changes delete or erase are left out."""

    def __init__(self, state: PlatformState, changes: Iterable[Change] = ()) -> None:
        """`changes` are those of this workspace."""
        self._take_objects(state)
        self._take_links(state)
        self.roles = set(state.roles) | {grant.role for grant in state.grants}
        links = []
        # Users, groups and departments come first: links are in the names that these then have.
        for change in changes:
            if change.kind == "user":
                _change(change, self.users, USER_FIELDS, "department", ended=ends(change))
            elif change.kind == "group":
                _change(change, self.groups, _GROUP_FIELDS, ended=change.after is None)
                links.append(change)
            elif change.kind == "department":
                _change_department(change, self.departments)
            elif change.kind in {"membership", "grant"}:
                links.append(change)
        for index in (self.users, self.groups, self.departments):
            index.rename()
        for change in links:
            self._change_link(change)

    def _take_objects(self, state: PlatformState) -> None:
        """Drafts of all objects as they are."""
        departments = {
            each.id: Draft({name: getattr(each, name) for name in _DEPARTMENT_FIELDS})
            for each in state.departments
        }
        for department in state.departments:
            departments[department.id].above = departments.get(department.parent)
        self._groups = {
            each.id: Draft({name: getattr(each, name) for name in _GROUP_FIELDS})
            for each in state.groups
        }
        self._users = {user.id: _user(user, departments) for user in state.living()}
        for user in state.living():
            self._users[user.id].manager = self._users.get(user.manager)
        self.departments = Index(departments.values(), Draft.path)
        self.groups = Index(self._groups.values(), lambda draft: draft.fields["name"])
        self.users = Index(self._users.values(), lambda draft: draft.fields["username"])

    def _take_links(self, state: PlatformState) -> None:
        """The links as they are."""
        self.memberships: Links = {}
        self.nestings: Links = {}
        self.grants: dict[tuple[Draft, str], str] = {}
        for membership in state.memberships:
            pair = self._users.get(membership.user), self._groups.get(membership.group)
            if pair[0] is not None and pair[1] is not None:
                self.memberships[pair[0], pair[1]] = membership.origin
        for grant in state.grants:
            if user := self._users.get(grant.user):
                self.grants[user, grant.role] = grant.origin
        for group in state.groups:
            for above, origin in group.groups.items():
                if outer := self._groups.get(above):
                    self.nestings[self._groups[group.id], outer] = origin

    def _change_link(self, change: Change) -> None:
        """Ends and makes links."""
        if change.kind == "group":
            self._change_nesting(change)
            return
        before, after = change.fields_before, change.fields_after
        if change.kind == "grant":
            if user := self.users.before(text(before, "user")):
                self.grants.pop((user, text(before, "role")), None)
            if user := self.users.after(text(after, "user")):
                self.grants[user, text(after, "role")] = text(after, "origin")
                self.roles.add(text(after, "role"))
            return
        user, group = (
            self.users.before(text(before, "user")),
            self.groups.before(text(before, "group")),
        )
        if user and group:
            self.memberships.pop((user, group), None)
        user, group = self.users.after(text(after, "user")), self.groups.after(text(after, "group"))
        if user and group:
            self.memberships[user, group] = text(after, "origin")

    def _change_nesting(self, change: Change) -> None:
        """Ends and makes the nestings of a group that exists after the change."""
        if change.after is None:
            return
        inner = self.groups.before(change.key)
        if change.before is None:
            inner = self.groups.after(text(change.after, "name"))
        for name in _nested_in(change.fields_before):
            outer = self.groups.before(name)
            if inner and outer:
                self.nestings.pop((inner, outer), None)
        for name, origin in _nested_in(change.after).items():
            outer = self.groups.after(name)
            if inner and outer:
                self.nestings[inner, outer] = origin

    def manager(self, user: Draft) -> str:
        """The username of a user's manager; "" for none."""
        if isinstance(user.manager, str):
            return user.manager
        return user.manager.fields["username"] if user.manager and not user.manager.ended else ""

    def living_memberships(self) -> Iterator[tuple[Draft, Draft]]:
        """The memberships whose user and group exist."""
        return (pair for pair in self.memberships if not pair[0].ended and not pair[1].ended)

    def living_nestings(self) -> Iterator[tuple[Draft, Draft]]:
        """The nestings whose groups exist, the inner one first."""
        return (pair for pair in self.nestings if not pair[0].ended and not pair[1].ended)

    def living_grants(self) -> Iterator[tuple[Draft, str]]:
        """User and role of the grants whose user exists."""
        return (pair for pair in self.grants if not pair[0].ended)


def _user(user: Any, departments: Mapping[str, Draft]) -> Draft:
    """The draft of a user."""
    draft = Draft({name: getattr(user, name) for name in USER_FIELDS})
    draft.fields["attributes"] = dict(user.attributes)
    draft.above = departments.get(user.department)
    return draft


def _change(
    change: Change, index: Index, names: Iterable[str], above: str = "", *, ended: bool
) -> None:
    """Changes a user, group or department; one that no longer exists is ended."""
    if change.before is None:
        draft = index.add(Draft(dict.fromkeys(names, "")))
    else:
        existing = index.before(change.key)
        if existing is None:
            return
        draft = existing
    draft.ended = ended
    after = change.fields_after
    for name in names:
        if name in after:
            draft.fields[name] = text(after, name)
    if above and above in after:
        draft.path_above = text(after, above)
    if change.kind == "user":
        _change_user(change, draft)


def _change_user(change: Change, draft: Draft) -> None:
    """The manager and the extended attributes."""
    after = change.fields_after
    if "manager" in after:
        draft.manager = text(after, "manager")
    attributes = draft.fields.setdefault("attributes", {})
    for name, value in mapping(after, "attributes").items():
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value


def _change_department(change: Change, index: Index) -> None:
    """Changes a department. A new one is known by its path, which is its key."""
    _change(change, index, _DEPARTMENT_FIELDS, "parent", ended=change.after is None)
    if change.before is None and change.after is not None:
        draft = index.last
        draft.path_above = department_path.parent(change.key)
        draft.fields["title"] = department_path.titles(change.key)[-1]


def _nested_in(fields: Mapping[str, Any]) -> dict[str, str]:
    """The names of the groups that a group is nested in, with their origins."""
    groups = mapping(dict(fields), "groups")
    return {name: origin for name, origin in groups.items() if origin is not None}


def folded(draft: Draft) -> str:
    """The folded name of a group."""
    return fold_name(draft.fields["name"])
