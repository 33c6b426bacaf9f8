"""The changes of one workspace, sorted by what they take away and what they put in its place.

What goes with a user who is erased or deleted counts as that user, and in no percentage of anything
else.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from reconcile.model.change import Change, Fields, mapping, text
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.losses.effective_members import EffectiveMembers
from reconcile.planning.guards.losses.user_changes import (
    IN_SERVICE,
    changes_hands,
    ends,
    names_in_service,
    stands_for_another,
    takes_out_of_service,
)


class LostLink(NamedTuple):
    """A membership, nesting or grant that ends.

    `member` is the name of a user or, of a nesting, of the inner group; `target` that of the group
    or role. `from_sync`: a sync gave it. `with_user`: it goes with a user who is erased or deleted.
    `number` is 1; of a nesting how many users leave the outer group by it, at least 1.
    """

    source: str
    member: str
    target: str
    from_sync: bool
    with_user: bool
    number: int = 1
    nesting: bool = False


class LossSummary:
    """What the changes take away, and what they put in its place."""

    def __init__(
        self, changes: Iterable[Change], state: PlatformState, *, renaming: bool = False
    ) -> None:
        """`renaming`: users are renamed on purpose, which does not count as an update."""
        self._state = state
        self._renaming = renaming
        self.users: list[Change] = []
        """Users who go out of service or are deleted."""
        self.renamed_or_adopted: list[Change] = []
        """Users who are renamed or change hands: adopted, or taken over from another source."""
        self.relinked: list[Change] = []
        """Users of the same source who stand for another entry of it."""
        self.changed: list[Change] = []
        """Users whose fields change."""
        self.groups: list[Change] = []
        """Groups that are renamed or deleted."""
        self.created: Counter[str] = Counter()
        """Source → new users."""
        self.grants: list[LostLink] = []
        self.memberships: list[LostLink] = []
        """Nestings too."""
        self._granting: list[tuple[str, str, str]] = []
        """Source, case-folded new name of the user, and role of each new grant."""
        self._joining: list[tuple[str, str, str]] = []
        """Source, case-folded new name of the user, and current name of the group it joins."""
        self._nesting: list[tuple[str, str, str]] = []
        """Source, inner and outer group of each new nesting, by their current names."""
        self._in_service_after: dict[str, bool] = {}
        """Case-folded current name of each user that is new or whose status changes → whether it
        is in service then."""
        self._updated: dict[str, set[str]] = defaultdict(set)
        self._renamed_groups: dict[str, str] = {}
        """Case-folded new name → current name."""
        self._sort(changes)

    def _sort(self, changes: Iterable[Change]) -> None:
        """Users and groups come first: what becomes of a link depends on them."""
        links = self._sort_objects(changes)
        ended = {fold_name(change.key) for change in self.users if ends(change)}
        for change in links:
            if change.kind == "group":
                self._add_nestings(change)
            elif change.after is None:
                self._add_lost(change, ended)
            else:
                self._add_gained(change)
        self._add_members_of_deleted_groups(ended)
        if any(link.nesting for link in self.memberships):
            self._weigh_nestings()

    def _sort_objects(self, changes: Iterable[Change]) -> list[Change]:
        """Sorts users and groups, and returns the changes that are about links."""
        links: list[Change] = []
        for change in changes:
            if change.kind == "user":
                self._add_user(change)
            elif change.kind in PAIRS:
                links.append(change)
            elif change.kind == "group" and change.before is not None:
                self._add_group(change)
                links.append(change)
        return links

    def _add_user(self, change: Change) -> None:
        """Sorts a change of a user: new, lost, or changed."""
        after = change.fields_after
        if "status" in after or change.after is None:
            self._in_service_after[fold_name(change.key)] = after.get("status") in IN_SERVICE
        if change.before is None:
            self.created[change.source] += 1
        elif takes_out_of_service(change):
            self.users.append(change)
        else:
            self._add_changed_user(change, renames="username" in after)

    def _add_changed_user(self, change: Change, *, renames: bool) -> None:
        """Sorts a change of a user who stays in service; a rename on purpose is no update."""
        self.changed.append(change)
        if renames or changes_hands(change):
            self.renamed_or_adopted.append(change)
        elif stands_for_another(change):
            self.relinked.append(change)
        if not (self._renaming and renames):
            self._updated[change.source].add(change.key)

    def _add_group(self, change: Change) -> None:
        """Notes a group that is renamed or deleted."""
        if change.after is None:
            self.groups.append(change)
        elif "name" in change.after:
            self.groups.append(change)
            self._renamed_groups[fold_name(str(change.after["name"]))] = fold_name(change.key)

    def _add_nestings(self, change: Change) -> None:
        """What a group is taken out of is lost; what it is put into is gained."""
        if change.after is None:
            return
        before, after = _nested_in(change.fields_before), _nested_in(change.after)
        for outer, origin in before.items():
            if outer in after:
                continue
            self.memberships.append(
                LostLink(
                    source=change.source,
                    member=change.key,
                    target=outer,
                    from_sync=bool(origin),
                    with_user=False,
                    nesting=True,
                )
            )
        for outer in after:
            group = self._current_name(outer)
            self._nesting.append((change.source, fold_name(change.key), group))

    def _add_lost(self, change: Change, ended: Collection[str]) -> None:
        """`ended`: the case-folded names of the users who are erased or deleted."""
        before = change.fields_before
        target, lost = "group", self.memberships
        if change.kind == "grant":
            target, lost = "role", self.grants
        user = str(before["user"])
        lost.append(
            LostLink(
                source=change.source,
                member=user,
                target=str(before[target]),
                from_sync=bool(before.get("origin")),
                with_user=fold_name(user) in ended,
            )
        )

    def _add_gained(self, change: Change) -> None:
        """Notes a new membership or grant, which may take the place of a lost one."""
        after = change.fields_after
        user = fold_name(str(after["user"]))
        if change.kind == "grant":
            self._granting.append((change.source, user, str(after["role"])))
        else:
            group = self._current_name(str(after["group"]))
            self._joining.append((change.source, user, group))

    def _current_name(self, group: str) -> str:
        """The case-folded current name of a group, by its new name."""
        folded = fold_name(group)
        return self._renamed_groups.get(folded, folded)

    def _add_members_of_deleted_groups(self, ended: Collection[str]) -> None:
        """Members of a deleted group leave it, whether or not the changes say so."""
        deleted = {fold_name(change.key) for change in self.groups if change.after is None}
        if not deleted:
            return
        groups = {
            group.id: group for group in self._state.groups if fold_name(group.name) in deleted
        }
        users = {user.id: user.username for user in self._state.users}
        listed = {(fold_name(link.member), fold_name(link.target)) for link in self.memberships}
        for membership in self._state.memberships:
            if membership.group not in groups:
                continue
            group, user = groups[membership.group], users[membership.user]
            if (fold_name(user), fold_name(group.name)) not in listed:
                self.memberships.append(
                    LostLink(
                        source=membership.origin or group.source,
                        member=user,
                        target=group.name,
                        from_sync=bool(membership.origin),
                        with_user=fold_name(user) in ended,
                    )
                )

    def _weigh_nestings(self) -> None:
        """A group that leaves another takes its users along, unless they stay by another way."""
        before, after = EffectiveMembers(self._state), self.members_after()
        for at, link in enumerate(self.memberships):
            if link.nesting:
                leaving = before.within(link.member) - after.within(link.target)
                self.memberships[at] = link._replace(number=max(1, len(leaving)))

    @property
    def updated(self) -> Counter[str]:
        """Source → how many users are changed, adopted or activated."""
        return Counter({source: len(keys) for source, keys in self._updated.items()})

    @cached_property
    def serving(self) -> frozenset[str]:
        """The case-folded names of the users who are in service before the changes."""
        return frozenset(names_in_service(self._state))

    @cached_property
    def lost_names(self) -> frozenset[str]:
        """The case-folded names of the users who go out of service or are deleted."""
        return frozenset(fold_name(change.key) for change in self.users)

    @cached_property
    def gaining_groups(self) -> set[tuple[str, str]]:
        """Source and case-folded name of each group that a user in service, or a group, joins."""
        by_users = {
            (source, group) for source, user, group in self._joining if self._will_serve(user)
        }
        return by_users | {(source, outer) for source, _, outer in self._nesting}

    @cached_property
    def gaining_roles(self) -> set[tuple[str, str]]:
        """Source and role of each grant that a user in service gets."""
        return {(source, role) for source, user, role in self._granting if self._will_serve(user)}

    @cached_property
    def _names_before(self) -> dict[str, str]:
        """Case-folded new name → current name, of users who are renamed."""
        names = {
            fold_name(text(change.fields_after, "username")): fold_name(change.key)
            for change in self.renamed_or_adopted
        }
        names.pop("", None)
        return names

    def _will_serve(self, user: str) -> bool:
        """Whether a user, by its case-folded new name, is in service after the changes."""
        name = self._names_before.get(user, user)
        return self._in_service_after.get(name, name in self.serving)

    def from_sync_in_service(self, links: Iterable[LostLink]) -> Iterator[LostLink]:
        """Of these links what a sync gave to users in service, and nestings that a sync made."""
        serving = self.serving
        return (
            link
            for link in links
            if link.from_sync and (link.nesting or fold_name(link.member) in serving)
        )

    def members_after(self, *, from_sync: bool = False) -> EffectiveMembers:
        """The members of each group after the changes, by current names."""
        members = EffectiveMembers(self._state, from_sync=from_sync)
        ended: list[tuple[str, str]] = []
        unnested: list[tuple[str, str]] = []
        for link in self.memberships:
            pair = fold_name(link.member), fold_name(link.target)
            (unnested if link.nesting else ended).append(pair)
        joined = [(self._names_before.get(user, user), group) for _, user, group in self._joining]
        nested = [(inner, outer) for _, inner, outer in self._nesting]
        members.change(ended, unnested, joined, nested)
        return members


def _nested_in(fields: Fields) -> dict[str, str]:
    """The groups that a side of a change of a group names, each with who nested it there."""
    groups = mapping(fields, "groups")
    return {name: origin for name, origin in groups.items() if origin is not None}
