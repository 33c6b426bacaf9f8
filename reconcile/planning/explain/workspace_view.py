"""The state of one person or user in a workspace: the planner's own answer, in words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from reconcile.model.change import ASIDE, OF_REFERENCES, Change, Skip
from reconcile.model.desired import DesiredState
from reconcile.model.directory import Person
from reconcile.model.explanation import Code, Given, Grace, Held, Standing, Verdict
from reconcile.model.named_state import Names
from reconcile.model.platform import BY_HAND, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.candidates import Candidate
from reconcile.planning.target.target_state import Wanted
from reconcile.planning.target.users import user_id

_WHY: dict[Code, str] = {
    "follows": "a user, kept up to date by {source}",
    "new": "the next apply creates the user",
    "adopts": "the next apply adopts the local account for this person",
    "ignored": "the user was deleted on the platform, and lifecycle.on_deleted is ignore",
    "out_of_scope": "still in {source}, but no longer selected (lifecycle.on_out_of_scope: {rule})",
    "missing": "no longer in {source} (lifecycle.on_missing: {rule})",
    "source_removed": "source {source} is no longer declared (lifecycle.on_source_removed: {rule})",
    "not_read": "source {source} was not read: the user stays unchanged",
    "local": "a local account: no source manages it",
    "erased": "the account of an erased user: no personal data is left",
}


class Workspace:
    """One workspace: what is there, what is wanted, and the changes between."""

    def __init__(
        self,
        desired: DesiredState,
        sources: Sequence[SourceRules],
        current: PlatformState,
        found: Wanted,
    ):
        """`found` is what the planner made of the sources and `current`."""
        self.current = current
        self._desired = desired
        self._rules = {rules.source.name: rules for rules in sources}
        self._found = found
        self._candidates = {(one.rules.source.name, one.position): one for one in found.candidates}
        self._names, self._then = Names(current), Names(found.state)
        self._departed = {
            user: there for one in found.people.values() for user, there in one.departed.items()
        }
        self.changes = tuple(ordered(diff(current, found.state, found.reasons)))

    def user(self, source: str, position: int) -> User | None:
        """The user that a person is, or the local account that is to become the person's."""
        candidate = self._candidates.get((source, position))
        adopted = candidate.user if candidate is not None else None
        return self._found.matched[source].get(position) or adopted

    def people(self) -> Iterator[User]:
        """The users who are persons that were read, or are to become one."""
        for matched in self._found.matched.values():
            yield from matched.values()
        yield from (
            candidate.user for candidate in self._found.candidates if candidate.user is not None
        )

    def dangling(self, typed: str) -> Iterator[Skip]:
        """Members that the source does not find, of this name: DN, first value or login."""
        for skip in self._found.skips:
            key = dn.key(skip.dn)
            names = {skip.dn.casefold(), key, key.partition(",")[0].partition("=")[2]} - {""}
            if skip.code in OF_REFERENCES and not names.isdisjoint(
                {typed.casefold(), dn.key(typed)}
            ):
                yield skip

    def person(self, source: str, position: int, rules: Iterable[Verdict]) -> Standing:
        """The state of a person; `rules` are the results of the rules."""
        person = self._rules[source].index.person(position)
        user, candidate = self.user(source, position), self._candidates.get((source, position))
        skips = self._skips(source, person.dn)
        refused = [skip for skip in skips if skip.code not in ASIDE]
        disabled = "; disabled in the directory" if candidate and candidate.disabled else ""
        if refused:
            stays = "; until this is fixed the user gains nothing" if user is not None else ""
            why = f"cannot be synchronised: {refused[0].code}: {refused[0].detail}{stays}{disabled}"
            return self._standing("skipped", why, user, candidate, person, skips)
        code = self._code(source, position, user, candidate)
        why = self._why(code, source) + disabled
        if code in ("out", "out_of_scope"):
            why = self._left_out(why, user, rules)
        return self._standing(code, why, user, candidate, person, skips)

    def _code(
        self, source: str, position: int, user: User | None, candidate: Candidate | None
    ) -> Code:
        """The state of a person that can be synchronised."""
        if candidate is not None and user is None:
            return "new"
        if candidate is not None and user is not None:
            return "follows" if user.source else "adopts"
        if user is not None:
            return "out_of_scope"
        return "ignored" if position in self._found.people[source].ignored else "out"

    def _left_out(self, why: str, user: User | None, rules: Iterable[Verdict]) -> str:
        """Why a person is not in scope: the first rule that decides so."""
        departed = self._departed.get(user.id) if user is not None else None
        failing = next((rule for rule in rules if not rule.passes and _decides(rule)), None)
        if failing is not None:
            reason = f"{_setting(failing.rule)}: {failing.why}"
            why = f"{why}: {reason}" if why else f"left out by {reason}"
        if departed is not None and departed.disabled:
            action = self._desired.lifecycle.on_disabled
            why += f"; disabled in the directory (lifecycle.on_disabled: {action})"
        return why

    def alone(self, user: User | None, source: str, entry_dn: str) -> Standing:
        """The state of a user whose person was not read, or of an entry outside the rules."""
        code: Code = "out"
        if user is not None and user.status == "erased":
            code = "erased"
        elif user is not None and not user.source:
            code = "local"
        elif user is not None and user.source not in {one.name for one in self._desired.sources}:
            code = "source_removed"
        elif user is not None and user.source not in self._rules:
            code = "not_read"
        elif user is not None:
            code = "out_of_scope" if self._is_found(user) else "missing"
        why = (
            self._why(code, source)
            if code != "out"
            else f"the rules of {source} do not find this entry"
        )
        return self._standing(
            code, why, user, None, None, self._skips(source, entry_dn) if entry_dn else ()
        )

    def _is_found(self, user: User) -> bool:
        departed = self._departed.get(user.id)
        return departed is not None and departed.found

    def _standing(
        self,
        code: Code,
        why: str,
        user: User | None,
        candidate: Candidate | None,
        person: Person | None,
        skips: tuple[Skip, ...],
    ) -> Standing:
        own = {fold_name(user.username)} if user is not None else set()
        username = person.identifier if person is not None else ""
        if candidate is not None:
            own.add(fold_name(candidate.username))
            username = candidate.username
        if user is not None:
            username = user.username
        roles, roles_why = (None, "") if candidate is None else self._roles(candidate, user)
        after = None
        if candidate is not None:
            after = next(
                (one for one in self._found.state.users if one.id == user_id(candidate)), None
            )
        elif user is not None:
            after = next((one for one in self._found.state.users if one.id == user.id), None)
        manager = str(self._then.fields(after)["manager"] or "") if after is not None else None
        return Standing(
            self.current.workspace,
            code,
            why,
            username,
            roles,
            roles_why,
            manager,
            skips,
            self._grace(user, after),
            self._held(user) if user is not None else None,
            tuple(change for change in self.changes if _concerns(change, own)),
        )

    def _why(self, code: Code, source: str) -> str:
        lifecycle = self._desired.lifecycle
        rule = {
            "missing": lifecycle.on_missing.action,
            "out_of_scope": lifecycle.on_out_of_scope.action,
            "source_removed": lifecycle.on_source_removed,
        }.get(code, "")
        return _WHY.get(code, "").format(source=source, rule=rule)

    def _skips(self, source: str, entry_dn: str) -> tuple[Skip, ...]:
        return tuple(
            sorted(
                skip for skip in self._found.skips if skip.source == source and skip.dn == entry_dn
            )
        )

    def _roles(self, candidate: Candidate, user: User | None) -> tuple[tuple[str, ...], str]:
        wanted = self._desired.roles
        if candidate.keeps_roles:
            if user is not None and wanted.on_existing == "keep":
                return (
                    candidate.roles,
                    "roles.on_existing: keep leaves the roles of existing users alone",
                )
            return (
                candidate.roles,
                "no mapping matches, and roles.on_unmapped: keep leaves the current roles",
            )
        certain = candidate.rules.roles(candidate.position, multiple=True)
        has = {mapping.role for mapping in candidate.rules.mappings if mapping.unsure} & set(
            candidate.roles
        )
        if kept := sorted(has - {mapping.role for mapping in certain}):
            return (
                candidate.roles,
                f"kept, because the members of the group are not known: {', '.join(kept)}",
            )
        if certain:
            first = "the first that matches" if wanted.mode == "single" else "all that match"
            return candidate.roles, f"{first} (roles.mode: {wanted.mode})"
        return candidate.roles, f"no mapping matches (roles.on_unmapped: {wanted.on_unmapped})"

    def _grace(self, user: User | None, after: User | None) -> Grace | None:
        if user is None:
            return None
        cause = after.departed if after is not None and after.status != "erased" else user.departed
        if not cause:
            return None
        lifecycle = self._desired.lifecycle
        rule = lifecycle.on_missing if cause == "missing" else lifecycle.on_out_of_scope
        if cause != user.departed or not user.departed_at:
            return Grace(cause, "", "", rule.then or "")
        if rule.then is None:
            return Grace(cause, user.departed_at, "", "")
        due = datetime.fromisoformat(user.departed_at) + timedelta(seconds=rule.after)
        return Grace(
            cause,
            user.departed_at,
            due.isoformat(timespec="seconds").replace("+00:00", "Z"),
            rule.then,
        )

    def _held(self, user: User) -> Held:
        fields = self._names.fields(user)
        texts = {
            name: str(value or "")
            for name, value in fields.items()
            if name in Held.__struct_fields__
        }
        del texts["attributes"]
        state = self.current
        groups = (one for one in state.memberships if one.user == user.id)
        return Held(
            **texts,
            status_why=_status_why(user),
            attributes=user.attributes,
            roles=tuple(
                sorted(
                    (Given(one.role, one.origin) for one in state.grants if one.user == user.id),
                    key=_name,
                )
            ),
            groups=tuple(
                sorted(
                    (Given(self._names.group(one.group).name, one.origin) for one in groups),
                    key=_name,
                )
            ),
        )


def _name(given: Given) -> str:
    return fold_name(given.name)


def _decides(verdict: Verdict) -> bool:
    """Whether a result keeps the person out; a disabled person is not kept out."""
    return any(f".users.{name}" in verdict.rule for name in ("exclude", "create", "require_groups"))


def _setting(rule: str) -> str:
    """The name of a setting of a source, without its places in lists."""
    return rule.partition("].")[2].partition("[")[0]


def _status_why(user: User) -> str:
    if user.status == "erased":
        return f"erased by {user.status_origin}"
    if user.status_origin == BY_HAND:
        kept = ": a sync does not change it" if user.status == "blocked" else ""
        return f"set by hand{kept}"
    cause = f", because: {user.status_cause.replace('_', ' ')}" if user.status_cause else ""
    return f"set by {user.status_origin}{cause}"


def _concerns(change: Change, own: set[str]) -> bool:
    """Whether a change is about a user of one of these names (case-folded)."""
    if change.kind == "user":
        after = change.after or {}
        return fold_name(change.key) in own or fold_name(str(after.get("username", ""))) in own
    if change.kind in ("grant", "membership"):
        return any(
            fold_name(str(fields["user"])) in own
            for fields in (change.before, change.after)
            if fields
        )
    return False


def same_user(one: User, other: User) -> bool:
    """Whether users of two workspaces are of one person."""
    if one.source != other.source:
        return False
    if one.external_id or other.external_id:
        return one.external_id.lower() == other.external_id.lower()
    return fold_name(one.username) == fold_name(other.username)
