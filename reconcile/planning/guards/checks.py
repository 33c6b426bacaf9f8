"""The guards: what of a plan is refused until a person accepts it, or for good.

They look at the changes of one workspace, at its current state and at how much was read, so the
same guards judge a plan when it is made and once more, under the lock, before its first change.
Losing all of something is refused at any size: all users of a source, all members of a mirrored
group, all who have a role of a source. Only users in service count, on both sides: a member who is
blocked is nobody who stays, and another one in service who comes into the group or gets the role
is. New users do not offset lost ones. The code of such a violation ends in `:all`: twelve of many
accepted are not all twelve. `none` as a limit does not disable this check.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Final

import msgspec

from reconcile.model.change import ALL, Change, Violation
from reconcile.model.desired import Limit, Safety
from reconcile.model.history import Losses as Lost
from reconcile.model.platform import PlatformState, Reading
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards import losses as ends
from reconcile.planning.guards.emptied_fields import emptied
from reconcile.planning.guards.emptied_groups import Gone
from reconcile.planning.guards.losses import GroupLimits, Link, Losses
from reconcile.planning.guards.protected import breaches
from reconcile.planning.guards.recent_losses import weighed
from reconcile.planning.guards.source_health import shrunk
from reconcile.planning.guards.thresholds import exceeds, some

NOTHING: Final[Lost] = {}


def violations(
    changes: Iterable[Change],
    state: PlatformState,
    safety: Safety,
    own_username: str = "",
    readings: Iterable[Reading] = (),
    *,
    renaming: bool = False,
    lately: Lost = NOTHING,
) -> tuple[Violation, ...]:
    """What the guards find in the changes of one workspace.

    `readings` are what the sources held when the changes were planned; `renaming` says that users
    are renamed on purpose, which is no update of them (protected ones stay protected); `lately` is
    what runs took away of late.
    """
    losses = Losses(changes, state, renaming=renaming)
    found = _Limits(state, safety, losses, lately)
    return (
        *found.users(),
        *found.memberships(),
        *found.grants(),
        *found.stripped(),
        *found.others(),
        *emptied(losses, state, safety),
        *breaches(losses, state, safety.protect, own_username),
        *shrunk(state.workspace, readings, state.readings, safety),
    )


def harm(
    changes: Iterable[Change],
    state: PlatformState,
    safety: Safety,
    own_username: str = "",
    readings: Iterable[Reading] = (),
    lately: Lost = NOTHING,
) -> tuple[Violation, ...]:
    """What the guards find in the changes of one person who logs in: all but `updates` and `creates`.

    Many small losses are a large one: a company that logs in on one morning must not lose what a
    plan may not take.
    """
    limits = msgspec.structs.replace(safety.limits, updates=None, creates=None)
    held = msgspec.structs.replace(safety, limits=limits)
    return violations(changes, state, held, own_username, readings, lately=lately)


class _Limits:
    """`safety.limits` over one workspace. What there is now is counted only where something is taken from it."""

    def __init__(self, state: PlatformState, safety: Safety, losses: Losses, lately: Lost) -> None:
        self._state = state
        self._safety = safety
        self._losses = losses
        self._lately = lately
        self._gone = Gone(state, losses)

    def _emptied(self) -> set[str]:
        """The sources of which all users in service would be lost, which is told once, of the users."""
        staying = {user.source for user in self._gone.staying}
        return {change.source for change in self._losses.users} & set(
            ends.in_service(self._state)
        ) - staying

    def users(self) -> Iterator[Violation]:
        lost = self._losses.users
        limit = self._safety.limits.users_lost
        if not lost:
            return
        numbers, entirely = Counter(change.source for change in lost), self._emptied()
        left = Counter(user.source for user in self._gone.staying)
        done = {
            source: Counter(one.action for one in lost if one.source == source)
            for source in numbers
        }

        def what(source: str) -> str:
            actions = sum(done.values(), Counter()) if not source else done[source]
            listed = ", ".join(f"{actions[action]} to {action}" for action in sorted(actions))
            names = (
                some(one.key for one in lost if one.source == source) if source in entirely else ""
            )
            return f"users{_of(source)} would be lost ({listed}){names}"

        yield from self._by_source("users_lost", numbers, left + numbers, limit, what, entirely)

    def memberships(self) -> Iterator[Violation]:
        default = self._safety.limits.memberships_lost
        ended = [link for link in self._losses.memberships if not link.along]
        limits = GroupLimits(self._safety.groups, default, self._state)
        lost = [link for link in ended if not limits.free(link.target)]
        emptied = {
            name: number
            for name, (source, number) in self._gone.groups().items()
            if not limits.may_empty(name) and source not in self._emptied()
        }
        if not ended and not emptied:
            return
        given = list(
            self._in_service(lost)
        )  # what people gave is theirs: only the percentages count it
        there = ends.memberships(self._state)
        left = there.left(self._in_service(self._losses.memberships))
        joined = self._losses.joined
        counted = {pair: number for pair, number in there.all.items() if not limits.free(pair[1])}
        entirely = _entirely(given, left, {source for source, _ in joined})
        yield from self._by_source(
            "memberships_lost",
            _numbers((link.source, link.number) for link in lost),
            _by_first(counted),
            default,
            lambda source: (
                f"memberships{_of(source)} would be lost{_losers(lost, source, entirely)}"
            ),
            entirely,
        )
        of_groups = _by_second(there.all)
        left_of = _by_second(left)
        entered = {name for _, name in joined}
        sources = {link.target: link.source for link in ended}
        ours = {
            link.target for link in self._in_service(ended) if not limits.may_empty(link.target)
        }
        for name, number in sorted(emptied.items()):
            source = limits.source(name)
            if source not in entirely or limits.free(name):
                what = f"members of the group {name} in service would be lost{some(self._gone.members(name))}"
                yield from self._judge(
                    "memberships_lost",
                    f"{source}/{name}",
                    number,
                    number,
                    default,
                    what,
                    entirely=True,
                )
        for name, number in sorted(_numbers((link.target, link.number) for link in ended).items()):
            limit = limits.of(name)
            if name in emptied or not limits.mirrored(name):
                continue
            alone = name in ours and left_of[name] <= 0 and fold_name(name) not in entered
            if alone and sources[name] in entirely and not limits.free(name):  # told already
                continue
            what = f"members of the group {name} would be lost"
            if alone:
                what += some(link.member for link in ended if link.target == name)
            place = f"{sources[name]}/{name}"
            yield from self._judge(
                "memberships_lost", place, number, of_groups[name], limit, what, entirely=alone
            )

    def grants(self) -> Iterator[Violation]:
        limit = self._safety.limits.grants_lost
        lost = [link for link in self._losses.grants if not link.along]
        emptied = {
            pair: number
            for pair, number in self._gone.roles().items()
            if pair[0] not in self._emptied()
        }
        if not lost and not emptied:
            return
        given = list(self._in_service(lost))
        there = ends.grants(self._state)
        left = there.left(self._in_service(self._losses.grants))
        granted = self._losses.granted
        entirely = _entirely(given, left, {source for source, _ in granted})
        yield from self._by_source(
            "grants_lost",
            Counter(link.source for link in lost),
            _by_first(there.all),
            limit,
            lambda source: f"grants{_of(source)} would be lost{_losers(lost, source, entirely)}",
            entirely,
        )
        for (source, role), number in sorted(emptied.items()):
            if source not in entirely:
                names = some(self._gone.holders(source, role))
                what = f"grants of the role {role} by {source} to users in service would be lost{names}"
                yield from self._judge(
                    "grants_lost", f"{source}/{role}", number, number, limit, what, entirely=True
                )
        for (source, role), number in sorted(
            Counter((link.source, link.target) for link in given).items()
        ):
            if (source, role) in emptied:
                continue
            if left[source, role] <= 0 and (source, role) not in granted and source not in entirely:
                holders = (
                    link.member for link in lost if (link.source, link.target) == (source, role)
                )
                what = f"grants of the role {role} by {source} would be lost{some(holders)}"
                base = there.all[source, role]
                yield from self._judge(
                    "grants_lost", f"{source}/{role}", number, base, limit, what, entirely=True
                )

    def stripped(self) -> Iterator[Violation]:
        """Local accounts that change hands and lose a role a person gave them: the last local ones to have it."""
        handed = {fold_name(one.key) for one in self._losses.taken if ends.changes_hands(one)}
        lost: dict[str, dict[str, Link]] = defaultdict(dict)
        for link in self._losses.grants if handed else ():
            if not link.given and fold_name(link.member) in handed:
                lost[link.target][fold_name(link.member)] = link
        local = {user.id: fold_name(user.username) for user in self._state.users if not user.source}
        for role, links in sorted(lost.items()):
            there = {
                local[one.user]
                for one in self._state.grants
                if one.role == role and one.user in local
            }
            there &= self._losses.serving
            if there and there <= handed:
                place = f"{next(iter(links.values())).source}/{role}"
                what = (
                    f"local accounts with the role {role} would become a source's and lose it"
                    f"{some(link.member for link in links.values())}"
                )
                limit = self._safety.limits.grants_lost
                yield from self._judge(
                    "grants_lost", place, len(links), len(there), limit, what, entirely=True
                )

    def _in_service(self, links: Iterable[Link]) -> Iterator[Link]:
        """Those that a sync gave to users in service, and nestings that one made."""
        serving = self._losses.serving
        return (
            link
            for link in links
            if link.given and (link.nesting or fold_name(link.member) in serving)
        )

    def others(self) -> Iterator[Violation]:
        limits, losses = self._safety.limits, self._losses
        for name, done, numbers, limit in (
            ("updates", "updated", losses.updated, limits.updates),
            ("creates", "created", losses.created, limits.creates),
        ):
            if numbers and limit is not None:
                yield from self._by_source(
                    name, numbers, self._users(), limit, partial(_would_be, done)
                )

    def _users(self) -> Counter[str]:
        """Source → its users, the erased left out."""
        return Counter(
            user.source for user in self._state.users if user.source and user.status != "erased"
        )

    def _by_source(
        self,
        name: str,
        numbers: Counter[str],
        bases: Mapping[str, int],
        limit: Limit | None,
        what: Callable[[str], str],
        entirely: Iterable[str] = (),
    ) -> Iterator[Violation]:
        """For each source, and for all together where several lose something; now, and together with what was lost."""
        for source in sorted(numbers):
            base, whole = bases.get(source, 0), source in entirely
            found = tuple(
                self._judge(
                    name, source, numbers[source], base, limit, what(source), entirely=whole
                )
            )
            yield from found or self._added_up(name, source, base, limit, what(source))
        if len(numbers) > 1:
            number, base = numbers.total(), sum(bases.values())
            yield from self._judge(name, "", number, base, limit, what(""), entirely=False)

    def _added_up(
        self, name: str, source: str, base: int, limit: Limit | None, what: str
    ) -> Iterator[Violation]:
        """What is lost now is within the limit: whether it still is together with what was lost of late."""
        earlier = self._lately.get(name, {}).get(source, 0)
        number = self._now.get(name, {}).get(source, 0) if earlier else 0
        if number and exceeds(limit, number + earlier, base + earlier, self._safety.at_least):
            workspace = self._state.workspace
            yield Violation(
                workspace,
                f"{name}:{workspace}/{source}:{number}+{earlier}",
                f"{number} of {base} {what}, after {earlier} within {_words(self._safety.window)}:"
                f" {number + earlier} of {base + earlier} together, the limit {name} is {limit}",
            )

    @cached_property
    def _now(self) -> Lost:
        return weighed(self._losses, self._state, self._safety)

    def _judge(
        self,
        name: str,
        place: str,
        number: int,
        base: int,
        limit: Limit | None,
        what: str,
        *,
        entirely: bool,
    ) -> Iterator[Violation]:
        if not entirely and not exceeds(limit, number, base, self._safety.at_least):
            return
        workspace = self._state.workspace
        where = f"{workspace}/{place}" if place else workspace
        code = f"{name}:{where}:{number}"
        told = f"the limit {name} is {limit}"
        if entirely:
            code, told = f"{code}:{ALL}", "nothing of it would be left"
        yield Violation(workspace, code, f"{number} of {base} {what}: {told}")


def _losers(lost: Iterable[Link], source: str, entirely: Collection[str]) -> str:
    """Some of those who lose what a source gave, where it gave nothing else."""
    return some(link.member for link in lost if link.source == source) if source in entirely else ""


def _words(seconds: float) -> str:
    """A time as people say it."""
    for name, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds % length == 0:
            return f"{seconds / length:.0f} {name if seconds > length else name[:-1]}"
    return f"{seconds:.0f} seconds"


def _numbers(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, number in pairs:
        found[name] += number
    return found


def _would_be(done: str, source: str) -> str:
    return f"users{_of(source)} would be {done}"


def _of(source: str) -> str:
    return f" of {source}" if source else " of all sources"


def _entirely(lost: Iterable[Link], left: Counter[tuple[str, str]], gaining: set[str]) -> set[str]:
    """The sources that keep nothing of what they gave, and give nothing new."""
    kept = {source for (source, _), number in left.items() if number > 0}
    return {link.source for link in lost} - kept - gaining


def _by_first(numbers: Mapping[tuple[str, str], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (first, _), number in numbers.items():
        found[first] += number
    return found


def _by_second(numbers: Mapping[tuple[str, str], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, second), number in numbers.items():
        found[second] += number
    return found
