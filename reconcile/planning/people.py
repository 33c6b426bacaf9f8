"""From the persons of a source to candidates: matched, in scope, every template rendered, every value checked.

A candidate may still lose its username to somebody else (`naming`). A person left out for a reason worth telling
becomes a skip; the user of a skipped person is held: kept exactly as it is.
"""

import unicodedata
from collections.abc import Iterable, Mapping

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import DesiredState, Template
from reconcile.model.directory import Person
from reconcile.model.folding import fold_name
from reconcile.model.platform import Limits, PlatformState, User
from reconcile.planning import matching
from reconcile.planning.rules import SourceRules

FIELDS = ("username", "first_name", "last_name", "email")


class Candidate(msgspec.Struct, gc=False):
    """A person who is to be a user. `values` holds the fields and extended attributes the templates supplied."""

    rules: SourceRules
    position: int
    user: User | None
    why: str
    username: str
    values: dict[str, str]
    attributes: dict[str, str]
    roles: tuple[str, ...]
    keeps_roles: bool
    disabled: bool

    @property
    def person(self) -> Person:
        """The entry behind it."""
        return self.rules.index.snapshot.persons[self.position]

    def disown(self) -> None:
        """Gives up a local account it was to adopt."""
        self.user, self.why = None, ""


class People(msgspec.Struct):
    """One source, one workspace.

    `matched`: position → user of the source, in scope or not; `departed`: user id → whether the directory still has the
    person, of users whose person is not in scope. `ignored` are the positions of persons who stay away, because
    somebody deleted their user on the platform.
    """

    candidates: list[Candidate]
    skips: list[Skip]
    matched: dict[int, User]
    departed: dict[str, bool]
    ignored: frozenset[int]


class Refused(Exception):
    """A person cannot be synchronised."""

    def __init__(self, code: SkipCode, detail: str) -> None:
        """The skip's code and detail."""
        super().__init__(detail)
        self.code: SkipCode = code
        self.detail = detail


class Gathering:
    """Gathers the candidates of one source in one workspace."""

    def __init__(
        self,
        desired: DesiredState,
        rules: SourceRules,
        current: PlatformState,
        limits: Limits,
        granted: Mapping[str, Iterable[str]],
    ) -> None:
        """`granted` is what syncs granted so far: user id → roles."""
        self._roles_wanted = desired.roles
        self._rules = rules
        self._workspace = current.workspace
        self._limits = limits
        self._granted = granted
        self._adopt = desired.lifecycle.adopt_local
        self._deleted = current.deleted if desired.lifecycle.on_deleted == "ignore" else frozenset()
        self._skips: list[Skip] = []
        self._erased: set[str] = set()

    def gather(self, users: Iterable[User], local: Mapping[str, User]) -> People:
        """`users` are those of the source, `local` the local accounts by case-folded username."""
        users = list(users)
        self._erased = {user.external_id for user in users if user.status == "erased" and user.external_id}
        matches = matching.match(self._rules.index, (user for user in users if user.status != "erased"))
        usernames = self._usernames(matches)
        matching.match_usernames(matches, self._rules.index, usernames)
        held = {matches.users[at].id for at, name in usernames.items() if not name and at in matches.users}
        candidates = []
        ignored = set()
        for position, username in usernames.items():
            user, why = matches.users.get(position), matches.relinked.get(position, "")
            if not username or (user is None and not self._rules.wants(position, exists=False)):
                continue
            if user is None and self._is_ignored(position):
                ignored.add(position)
                continue
            try:
                candidates.append(self._candidate(position, username, user, why, local))
            except Refused as refused:
                self._skip(position, username, refused)
                if user is not None:
                    held.add(user.id)
        if self._rules.login:
            return People(candidates, self._skips, matches.users, {}, frozenset(ignored))
        staying = {candidate.user.id for candidate in candidates if candidate.user is not None} | held
        departed = {user.id: True for user in matches.users.values() if user.id not in staying}
        strays = self._rules.index.snapshot.strays
        departed.update({user.id: (user.external_id or user.dn) in strays for user in matches.unmatched.values()})
        return People(candidates, self._skips, matches.users, departed, frozenset(ignored))

    def _is_ignored(self, position: int) -> bool:
        """Whether somebody deleted the person's user, and nobody has asked for it back by name since."""
        external_id = self._rules.index.snapshot.persons[position].external_id
        return (self._rules.source.name, external_id) in self._deleted and not self._rules.named(position)

    def _adopted(self, values: Mapping[str, str], local: Mapping[str, User]) -> tuple[User | None, str]:
        """The local account that a newcomer takes over, where `adopt_local` says so, and why."""
        user = local.get(fold_name(values["username"]))
        email = values.get("email", "").casefold()
        if user is not None and self._adopt == "always":
            return user, f"the local account of this name is adopted by {self._rules.source.name}"
        if user is not None and self._adopt == "matching_email" and email and email == user.email.casefold():
            return user, f"the local account of this name and e-mail address is adopted by {self._rules.source.name}"
        return None, ""

    def _usernames(self, matches: matching.Matches) -> dict[int, str]:
        """Positions of the persons in scope → wanted username, "" for those it failed for (they are skipped).

        Persons whom only an existing user would bring into scope (`create: never`) take part while there are users
        left to match by username.
        """
        usernames: dict[int, str] = {}
        rules = self._rules
        template = rules.source.users.fields["username"]
        for position, person in enumerate(self._rules.index.snapshot.persons):
            if rules.excluded(position):
                continue
            exists = position in matches.users
            sure = rules.wants(position, exists=exists)
            if not sure and not (matches.unmatched and rules.wants(position, exists=True)):
                continue
            if person.external_id in self._erased:
                if sure:
                    erased = Refused("exists_locally", "the platform has an erased account of this very person")
                    self._skip(position, person.identifier, erased)
                continue
            if rules.outside_required(position):
                if sure and not exists:
                    groups = ", ".join(rules.source.users.require_groups)
                    self._skip(position, person.identifier, Refused("outside_required_groups", f"in none of {groups}"))
                continue
            try:
                usernames[position] = render_username(template, person)
            except Refused as refused:
                if sure:
                    self._skip(position, person.identifier, refused)
                    usernames[position] = ""
        return usernames

    def _candidate(
        self, position: int, username: str, user: User | None, why: str, local: Mapping[str, User]
    ) -> Candidate:
        rules, person = self._rules, self._rules.index.snapshot.persons[position]
        settings = rules.source.users
        try:
            values = {"username": username}
            for field in FIELDS[1:]:
                text = settings.fields[field].render(person, person.identifier)
                if text is not None:
                    values[field] = text
            if user is None and local:
                user, why = self._adopted(values, local)
            roles, keeps = self._roles(position, user)
            attributes = {}
            for attribute in settings.attributes:
                if not attribute.roles or not attribute.roles.isdisjoint(roles):
                    text = attribute.value.render(person, person.identifier)
                    if text is not None:
                        attributes[attribute.field] = text
            disabled = rules.disabled(position)
        except TemplateFailed as error:
            raise Refused("template_failed", str(error)) from error
        self._check(values, attributes)
        return Candidate(rules, position, user, why, username, values, attributes, roles, keeps, disabled)

    def _roles(self, position: int, user: User | None) -> tuple[tuple[str, ...], bool]:
        """The roles a person is to have by the rules, and whether they are only those it has already."""
        wanted = self._roles_wanted
        if user is not None and wanted.on_existing == "keep":
            return tuple(self._granted.get(user.id, ())), True
        found = self._rules.roles(position, multiple=wanted.mode == "multiple")
        mapped = tuple(dict.fromkeys(mapping.role for mapping in found))
        if mapped:
            return mapped, False
        if wanted.on_unmapped == "keep":
            return (tuple(self._granted.get(user.id, ())) if user is not None else ()), True
        if wanted.on_unmapped == "default" and self._rules.default_role is not None:
            return (self._rules.default_role,), False
        return (), False

    def _check(self, values: Mapping[str, str], attributes: Mapping[str, str]) -> None:
        """Raises Refused for a value that is missing though required, reserved, or that the platform cannot hold."""
        for field in self._rules.source.users.require:
            if field not in values and field not in attributes:
                raise Refused("missing_field", f"{field} is required and the directory has none")
        if fold_name(values["username"]) in self._limits.reserved_usernames:
            raise Refused("reserved_username", f"the platform keeps {values['username']!r} for itself")
        for field, text in values.items():
            check_text(field, text, self._limits.lengths.get(field, 0))
        for field, text in attributes.items():
            check_text(f"attribute {field}", text, self._limits.lengths.get("attribute", 0))

    def _skip(self, position: int, username: str, refused: Refused) -> None:
        person = self._rules.index.snapshot.persons[position]
        self._skips.append(
            Skip(self._workspace, self._rules.source.name, person.dn, username, refused.code, refused.detail)
        )


def render_username(template: Template, person: Person) -> str:
    """The wanted username. Raises Refused when the template fails or supplies nothing."""
    try:
        username = template.render(person, person.identifier)
    except TemplateFailed as error:
        raise Refused("template_failed", str(error)) from error
    if username is None:
        raise Refused("missing_field", f"the username template {template.text!r} supplies nothing")
    return username


def check_text(what: str, text: str, length: int) -> None:
    """Raises Refused for text that is longer than `length` (0: any) or holds control characters.

    In a name that people tell things apart by, no invisible character is taken either.
    """
    if length and len(text) > length:
        raise Refused("invalid_value", f"{what} has {len(text)} characters, the platform takes {length}")
    if not text.isprintable():
        refused = ("Cc", "Cs", "Cf") if what in ("username", "the name") else ("Cc", "Cs")
        for char in text:
            if unicodedata.category(char) in refused:
                kind = "control" if unicodedata.category(char) == "Cc" else "invisible"
                raise Refused("invalid_value", f"{what} holds the {kind} character U+{ord(char):04X}")
