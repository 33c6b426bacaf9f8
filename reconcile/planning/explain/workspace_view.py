"""How one person or user stands in a workspace: what the planner decided, put into words."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from reconcile.model.change import ASIDE, OF_REFERENCES, Skip
from reconcile.model.desired import DesiredState
from reconcile.model.directory import Person
from reconcile.model.identity import by_id
from reconcile.model.named_state import StateNames
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.model.views.explanation import Code, RuleResult, WorkspaceResult
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.narrow import concerns
from reconcile.planning.changes.order import ordered
from reconcile.planning.explain.platform_user import grace_period, platform_user
from reconcile.planning.selection.mapped_roles import MappedRole
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.people.candidates import Candidate
from reconcile.planning.target.target_state import TargetState
from reconcile.planning.target.users import user_id

_WHY: dict[Code, str] = {
    "follows": "a user, kept up to date by {source}",
    "new": "the next apply creates the user",
    "adopts": "the next apply adopts the local account for this person",
    "ignored": "the user was deleted on the platform, and lifecycle.on_deleted is ignore",
    "out_of_scope": "still in {source}, but no longer selected (lifecycle.on_out_of_scope: {rule})",
    "disabled": "disabled in {source} (lifecycle.on_disabled: {rule})",
    "missing": "no longer in {source} (lifecycle.on_missing: {rule})",
    "source_removed": "source {source} is no longer declared (lifecycle.on_source_removed: {rule})",
    "not_read": "source {source} was not read: the user stays unchanged",
    "local": "a local account: no source manages it",
    "erased": "the account of an erased user: no personal data is left",
}
_DECISIVE = (".users.exclude", ".users.create", ".users.require_groups")  # create_disabled, too
"""The rules that keep a person out. A disabled person is one that is let in."""


class _Subject(NamedTuple):
    """Whom a result is about: a user, the person of an entry, or both.

    `candidate` is the person as one who is to be a user; None for one who is not.
    """

    user: User | None
    candidate: Candidate | None = None
    person: Person | None = None

    @property
    def username(self) -> str:
        """The name that the user has, otherwise the one that the person would get."""
        if self.user is not None:
            return self.user.username
        if self.candidate is not None:
            return self.candidate.username
        return self.person.identifier if self.person is not None else ""

    @property
    def names(self) -> set[tuple[str, str]]:
        """The present and the wanted username, as `narrow.concerns` returns them."""
        names = set()
        if self.user is not None:
            names.add(("user", fold_name(self.user.username)))
        if self.candidate is not None:
            names.add(("user", fold_name(self.candidate.username)))
        return names

    @property
    def wanted_id(self) -> str:
        """The id of the user in the target state; "" for none."""
        if self.candidate is not None:
            return user_id(self.candidate)
        return self.user.id if self.user is not None else ""


class WorkspaceView:
    """One workspace: its current state, its target state, and the changes between."""

    def __init__(
        self,
        desired: DesiredState,
        sources: Sequence[SourceRules],
        current: PlatformState,
        target: TargetState,
    ) -> None:
        """`target` is what the planner made of the sources and `current`."""
        self.current = current
        self.changes = tuple(ordered(diff(current, target.state, target.reasons)))
        self._desired = desired
        # A source that the platform alone knows was never declared, so it was not removed either.
        known = {source.name for source in current.sources}
        self._removed = known - set(desired.source_names)
        self._rules = {rules.source.name: rules for rules in sources}
        self._target = target
        self._names, self._names_after = StateNames(current), StateNames(target.state)
        self._users_after = by_id(target.state.users)
        self._candidates = {
            (candidate.rules.source.name, candidate.position): candidate
            for candidate in target.candidates
        }
        self._departed = {
            departed_id: how
            for people in target.people.values()
            for departed_id, how in people.departed.items()
        }

    def user(self, source: str, position: int) -> User | None:
        """The user that a person is, or the local account that is to become the person's."""
        user = self._target.matched[source].get(position)
        if user is not None:
            return user
        candidate = self._candidates.get((source, position))
        return candidate.user if candidate is not None else None

    def people(self) -> Iterator[User]:
        """The users who are persons that were read, or are to become one."""
        for matched in self._target.matched.values():
            yield from matched.values()
        for candidate in self._target.candidates:
            if candidate.user is not None:
                yield candidate.user

    def dangling(self, typed: str) -> Iterator[Skip]:
        """Members that the source does not find, of this name: DN, first value or login."""
        spellings = {typed.casefold(), dn.key(typed)} - {""}
        for skip in self._target.skips:
            if skip.code not in OF_REFERENCES:
                continue
            key = dn.key(skip.dn)
            first_value = key.partition(",")[0].partition("=")[2]
            if not spellings.isdisjoint((skip.dn.casefold(), key, first_value)):
                yield skip

    def person(self, source: str, position: int, rules: Iterable[RuleResult]) -> WorkspaceResult:
        """How a person stands; `rules` are the results of the rules about it."""
        person = self._rules[source].index.person(position)
        candidate = self._candidates.get((source, position))
        subject = _Subject(self.user(source, position), candidate, person)
        disabled = ""
        if candidate is not None and candidate.disabled:
            disabled = "; disabled in the directory"
        skips = self._skips(source, person.dn)
        refused = [skip for skip in skips if skip.code not in ASIDE]
        if refused:
            why = _why_skipped(refused[0], subject.user) + disabled
            return self._result("skipped", why, subject, skips)
        code = self._code(source, position, subject)
        why = self._why(code, source) + disabled
        if code in ("out", "out_of_scope"):
            why = self._left_out(why, subject.user, rules)
        return self._result(code, why, subject, skips)

    def _code(self, source: str, position: int, subject: _Subject) -> Code:
        """The state of a person that can be synchronised."""
        user = subject.user
        if subject.candidate is None:
            if user is not None:
                how = self._departed.get(user.id)
                return "disabled" if how is not None and how.in_scope else "out_of_scope"
            return "ignored" if position in self._target.people[source].ignored else "out"
        if user is None:
            return "new"
        return "follows" if user.source else "adopts"

    def _left_out(self, why: str, user: User | None, rules: Iterable[RuleResult]) -> str:
        """Why a person is not in scope: the first rule that decides so."""
        failing = next(filter(_keeps_out, rules), None)
        if failing is not None:
            reason = f"{_setting(failing.rule)}: {failing.why}"
            why = f"{why}: {reason}" if why else f"left out by {reason}"
        departed = self._departed.get(user.id) if user is not None else None
        if departed is not None and departed.disabled:
            action = self._desired.lifecycle.on_disabled.action
            why += f"; disabled in the directory (lifecycle.on_disabled: {action})"
        return why

    def alone(self, user: User | None, source: str, entry_dn: str) -> WorkspaceResult:
        """The state of a user whose person was not read, or of an entry outside the rules."""
        skips = self._skips(source, entry_dn) if entry_dn else ()
        if user is None:
            why = f"the rules of {source} do not find this entry"
            return self._result("out", why, _Subject(None), skips)
        code = self._code_without_person(user)
        return self._result(code, self._why(code, source), _Subject(user), skips)

    def _code_without_person(self, user: User) -> Code:
        """How a user stands whose person was not read."""
        if user.status == "erased":
            return "erased"
        if not user.source:
            return "local"
        if user.source in self._removed:
            return "source_removed"
        if user.source not in self._rules:
            return "not_read"
        departed = self._departed.get(user.id)
        return "out_of_scope" if departed is not None and departed.in_directory else "missing"

    def _result(
        self, code: Code, why: str, subject: _Subject, skips: tuple[Skip, ...]
    ) -> WorkspaceResult:
        """The result, with the roles, the manager and the changes of whom it is about."""
        user, after = subject.user, self._users_after.get(subject.wanted_id)
        names = subject.names
        result = WorkspaceResult(
            workspace=self.current.workspace,
            code=code,
            why=why,
            username=subject.username,
            roles=None,
            roles_why="",
            manager=None,
            skips=skips,
            grace=None,
            user=None,
            changes=tuple(
                change for change in self.changes if not names.isdisjoint(concerns(change))
            ),
        )
        if subject.candidate is not None:
            why_roles = self._why_roles(subject.candidate, user)
            result = replace(result, roles=subject.candidate.roles, roles_why=why_roles)
        if after is not None:
            manager = str(self._names_after.fields(after)["manager"] or "")
            result = replace(result, manager=manager)
        if user is not None:
            grace = grace_period(user, after, self._desired.lifecycle)
            on_platform = platform_user(user, self._names)
            result = replace(result, grace=grace, user=on_platform)
        return result

    def _why(self, code: Code, source: str) -> str:
        """What a code means, with the setting that decides it; "" for one that says it all."""
        lifecycle = self._desired.lifecycle
        rules = {
            "disabled": lifecycle.on_disabled.then or lifecycle.on_disabled.action,
            "missing": lifecycle.on_missing.action,
            "out_of_scope": lifecycle.on_out_of_scope.action,
            "source_removed": lifecycle.on_source_removed,
        }
        return _WHY.get(code, "").format(source=source, rule=rules.get(code, ""))

    def _skips(self, source: str, entry_dn: str) -> tuple[Skip, ...]:
        """The skips of an entry."""
        of_source = (skip for skip in self._target.skips if skip.source == source)
        return tuple(sorted(skip for skip in of_source if skip.dn == entry_dn))

    def _why_roles(self, candidate: Candidate, user: User | None) -> str:
        """Why a person has the roles that the rules give."""
        settings = self._desired.roles
        if candidate.keeps_roles:
            if user is not None and settings.on_existing == "keep":
                return "roles.on_existing: keep leaves the roles of existing users alone"
            return "no mapping matches, and roles.on_unmapped: keep leaves the current roles"
        certain = {mapping.role for mapping in _matching_mappings(candidate)}
        unsure = {mapping.role for mapping in candidate.rules.mappings if mapping.unsure}
        if kept := sorted(unsure & set(candidate.roles) - certain):
            return f"kept, because the members of the group are not known: {', '.join(kept)}"
        if not certain:
            return f"no mapping matches (roles.on_unmapped: {settings.on_unmapped})"
        which = "the first that matches" if settings.mode == "single" else "all that match"
        return f"{which} (roles.mode: {settings.mode})"


def _matching_mappings(candidate: Candidate) -> tuple[MappedRole, ...]:
    """The role mappings that certainly reach the person."""
    return candidate.rules.roles(candidate.position, multiple=True)


def _why_skipped(skip: Skip, user: User | None) -> str:
    """Why a person cannot be synchronised, and what that means for its user."""
    why = f"cannot be synchronised: {skip.code}: {skip.detail}"
    return why if user is None else f"{why}; until this is fixed the user gains nothing"


def _keeps_out(result: RuleResult) -> bool:
    """Whether a rule keeps the person out."""
    return not result.passes and any(name in result.rule for name in _DECISIVE)


def _setting(rule: str) -> str:
    """The name of a setting of a source, without its places in lists."""
    return rule.partition("].")[2].partition("[")[0]


def same_user(user: User, other: User) -> bool:
    """Whether users of two workspaces are of one person."""
    if user.source != other.source:
        return False
    if user.external_id or other.external_id:
        return user.external_id.lower() == other.external_id.lower()
    return fold_name(user.username) == fold_name(other.username)
