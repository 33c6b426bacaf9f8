"""From a person in scope to a candidate: its roles, its service, its profile, whom it adopts.

A profile that cannot be supplied decides nothing else. The user of such a person is *held*: it
loses what the directory takes away, and gains nothing until the profile is valid again. A person
without a user only becomes a skip.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from reconcile.errors import TemplateFailed
from reconcile.model.desired import DesiredState
from reconcile.model.platform import Abilities, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import profiles
from reconcile.planning.target.people.candidates import (
    NO_ATTRIBUTES,
    NO_TEXTS,
    Candidate,
    ProfileTexts,
)
from reconcile.planning.target.people.skips import PersonSkips
from reconcile.planning.target.profiles import Refused


class Matched(NamedTuple):
    """The user that a person was matched with.

    `why` says how, "" where it was by id; `relinked`: the user stood for another entry before.
    """

    user: User
    why: str
    relinked: bool


class CandidateMaker:
    """Makes the candidates of one source in one workspace."""

    def __init__(
        self,
        desired: DesiredState,
        rules: SourceRules,
        abilities: Abilities,
        granted: Callable[[], Mapping[str, tuple[str, ...]]],
        skips: PersonSkips,
    ) -> None:
        """`granted` returns user id → the roles that syncs granted."""
        self._rules = rules
        self._settings = rules.source.users
        self._roles_wanted = desired.roles
        self._adopt = desired.lifecycle.adopt_local
        self._abilities = abilities
        default = rules.default_role if desired.roles.on_unmapped == "default" else None
        self._unmapped = () if default is None else (default,)
        self._granted = granted
        self._may_keep_roles = (
            "keep" in (desired.roles.on_existing, desired.roles.on_unmapped)
            or rules.keeps_unsure_roles
        )
        self._skips = skips
        self.not_created: list[int] = []
        """Positions of disabled persons who get no user because of that."""

    def make(
        self, position: int, matched: Matched | None, local: Mapping[str, User]
    ) -> Candidate | None:
        """The candidate of a person; None, with a skip, if a new person has no valid profile.

        None, too, for a new person who is disabled, if only others are created. `local`: folded
        username → the local user of that name, whom a new person may adopt.
        """
        candidate = self._bare(position, matched)
        exists = matched is not None
        if not exists and candidate.disabled and not self._settings.create_disabled:
            return self._adopting(candidate, local)
        try:
            left_out = self._fill(candidate, local)
        except Refused as refused:
            self._skips.add(position, candidate.username, refused, exists=exists)
            return _held(candidate) if exists else None
        except TemplateFailed as error:
            failed = Refused("template_failed", str(error))
            self._skips.add(position, candidate.username, failed, exists=exists)
            return _held(candidate) if exists else None
        for detail in left_out:
            invalid = Refused("invalid_attribute", detail)
            self._skips.add(position, candidate.username, invalid, exists=exists)
        return candidate

    def _adopting(self, candidate: Candidate, local: Mapping[str, User]) -> Candidate | None:
        """A new person who is disabled, if it adopts a local user: that is taken out of service."""
        if self._adopt != "never" and local:
            with suppress(Refused, TemplateFailed):
                self._fill(candidate, local)
        if candidate.user is not None:
            return candidate
        self.not_created.append(candidate.position)
        return None

    def _bare(self, position: int, matched: Matched | None) -> Candidate:
        """The candidate without its profile."""
        user, why, relinked = (None, "", False) if matched is None else matched
        roles, keeps_roles = self._roles(position, user)
        identifier = self._rules.index.person(position).identifier
        return Candidate(
            rules=self._rules,
            position=position,
            user=user,
            why=why,
            username=user.username if user is not None else identifier,
            values=NO_TEXTS,
            attributes=NO_ATTRIBUTES,
            roles=roles,
            keeps_roles=keeps_roles,
            disabled=self.disabled(position),
            relinked=relinked,
        )

    def _fill(self, candidate: Candidate, local: Mapping[str, User]) -> Sequence[str]:
        """Sets the profile of a candidate, and the local user it adopts.

        Returns what is wrong with attributes that were left out. Raises Refused and TemplateFailed.
        """
        position, person, settings = candidate.position, candidate.person, self._settings
        candidate.username = profiles.username(settings, person, candidate.user)
        if candidate.disabled is None:
            self._rules.disabled(position)  # raises as `disabled_when` does
        name = candidate.username
        values = profiles.fields(settings, person, candidate.user, name)
        if candidate.user is None and local:
            candidate.user, candidate.why = self._adopted(values, local)
            if candidate.user is not None:
                candidate.roles, candidate.keeps_roles = self._roles(position, candidate.user)
                values = profiles.fields(settings, person, candidate.user, name)
        profile = profiles.profile(
            settings, person, candidate.user, values, candidate.roles, self._abilities
        )
        candidate.values = _texts(values)
        candidate.attributes = _changed(profile.attributes, candidate.user) or NO_ATTRIBUTES
        return profile.left_out

    def disabled(self, position: int) -> bool | None:
        """Whether the person is out of service; None if `disabled_when` fails."""
        try:
            return self._rules.disabled(position)
        except TemplateFailed:
            return None

    def _adopted(
        self, values: Mapping[str, str], local: Mapping[str, User]
    ) -> tuple[User | None, str]:
        """The local user that a new person adopts by `adopt_local`, and why."""
        user = local.get(fold_name(values["username"]))
        if user is None:
            return None, ""
        source = self._rules.source.name
        if self._adopt == "always":
            return user, f"the local account of this name is adopted by {source}"
        email = fold_name(values.get("email", ""))
        if self._adopt == "matching_email" and email and email == fold_name(user.email):
            why = f"the local account of this name and e-mail address is adopted by {source}"
            return user, why
        return None, ""

    def _roles(self, position: int, user: User | None) -> tuple[tuple[str, ...], bool]:
        """The roles of a person by the rules, and whether they are only the present ones, kept."""
        wanted = self._roles_wanted
        granted: tuple[str, ...] = ()
        if user is not None and self._may_keep_roles:
            granted = self._granted().get(user.id, ())
        if user is not None and wanted.on_existing == "keep":
            return granted, True
        multiple = wanted.mode == "multiple"
        mappings = self._rules.roles(position, multiple=multiple, has=granted)
        if mappings:
            return tuple(dict.fromkeys(mapping.role for mapping in mappings)), False
        if wanted.on_unmapped == "keep":
            return granted, True
        return self._unmapped, False


def _texts(values: Mapping[str, str]) -> ProfileTexts:
    """The fields of a profile but for the username."""
    return ProfileTexts(values.get("first_name"), values.get("last_name"), values.get("email"))


def _changed(attributes: Mapping[str, str | None], user: User | None) -> dict[str, str | None]:
    """The attributes that the user does not have like this: nearly always none."""
    before = user.attributes if user is not None else {}
    return {field: text for field, text in attributes.items() if before.get(field) != text}


def _held(candidate: Candidate) -> Candidate:
    """The candidate, whose user keeps its profile."""
    candidate.hold()
    return candidate
