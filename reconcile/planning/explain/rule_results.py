"""What each rule of a source says of one person, whatever is on the platform."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.desired import DesiredState, Entry, GroupRule, Source, Template
from reconcile.model.directory import Attributes
from reconcile.model.explanation import (
    Asked,
    DepartmentVerdict,
    FieldVerdict,
    GroupVerdict,
    ManagerVerdict,
    RoleVerdict,
    Verdict,
)
from reconcile.model.text import dn
from reconcile.planning.explain.membership_paths import Paths
from reconcile.planning.selection import department_selection
from reconcile.planning.selection.source_rules import Mapping as RoleMapping
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.profiles import FIELDS


class Background(msgspec.Struct, frozen=True):
    """What planning cannot know by itself.

    `origins`: place in the desired state → where it comes from; `searches`: source → how its
    persons are searched; `why_disabled`: what in an entry says that it is disabled, in words, ""
    where that is not known.
    """

    origins: Mapping[str, str]
    searches: Mapping[str, Asked]
    why_disabled: Callable[[Source, Attributes], str]

    def origin(self, place: str) -> str:
        """Where a setting comes from, or what it is part of; "" if that is not known."""
        while place:
            if place in self.origins:
                return self.origins[place]
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return ""


class Verdicts:
    """All rules about one person of a source."""

    def __init__(
        self, desired: DesiredState, rules: SourceRules, position: int, background: Background
    ) -> None:
        """`position` is the person's in the snapshot."""
        self._desired = desired
        self._rules = rules
        self._index = rules.index
        self._position = position
        self._person = rules.index.person(position)
        self._background = background
        place = next(
            at for at, source in enumerate(desired.sources) if source.name == rules.source.name
        )
        self._users = f"sources[{place}].users"
        self._paths = Paths(rules.index, position)

    def rules(self, *, exists: bool) -> Iterator[Verdict]:
        """Whether each rule that is set lets the person in; `exists`: as an existing user."""
        settings = self._rules.source.users
        asked = self._background.searches[self._rules.source.name]
        yield self._verdict("filter", True, f"{asked.filter or 'found'} below {asked.base}")
        if settings.exclude:
            at = self._rules.excluded_by(self._position)
            text = "matches no pattern" if at is None else f"matches {settings.exclude[at]!r}"
            yield self._verdict("exclude" if at is None else f"exclude[{at}]", at is None, text)
        yield self._create(exists=exists)
        if settings.require_groups:
            yield self._required_groups(exists=exists)
        for at, field in enumerate(settings.require):
            found = next(
                (one for one in self.fields() if one.field == field and one.value is not None), None
            )
            why = (
                f"{field} is required, and there is none"
                if found is None
                else f"{field} is {found.value!r}"
            )
            yield self._verdict(f"require[{at}]", found is not None, why)
        yield from self._enabled()

    def groups(self) -> Iterator[GroupVerdict]:
        """Every selected group, then those that the person is in and no rule selects."""
        places = {id(rule): f"groups[{at}]" for at, rule in enumerate(self._desired.groups)}
        for key, rule in self._rules.groups.items():
            member, why = self._membership(key, rule)
            at = self._rules.group_selection(rule.select).pattern(key)
            place = places[id(rule)] + ("" if at is None else f".select[{at}]")
            path = self._paths.to(key) if key in self._paths else ()
            group = self._index.groups[key].dn
            known = key not in self._rules.frozen
            yield GroupVerdict(
                group, True, member, why, place, self._background.origin(place), path, known
            )
        for key in sorted(set(self._paths.keys) - self._rules.groups.keys()):
            yield GroupVerdict(
                self._index.groups[key].dn,
                False,
                True,
                self._paths.how(key),
                path=self._paths.to(key),
            )

    def _membership(self, key: str, rule: GroupRule) -> tuple[bool, str]:
        """Whether the person is a member of a selected group, and why."""
        if key in self._rules.frozen:
            unknown = self._rules.unknown[key]
            return False, f"its members are not known, so the group stays unchanged: {unknown}"
        if self._position in self._index.members(key, nested=rule.nested != "ignore"):
            return True, self._paths.how(key)
        if key in self._paths:
            return False, "only through nested groups, which nested: ignore leaves out"
        return False, "not a member"

    def department(self) -> DepartmentVerdict | None:
        """The nearest selected OU; None if no rule selects any of the source."""
        selected = {one.key: one for one in self._rules.departments}
        if not any(rule.source == self._rules.source.name for rule in self._desired.departments):
            return None
        nearest = self._rules.department(self._position)
        if not nearest:
            above = next(
                (
                    key
                    for key in self._index.above(self._index.keys[self._position])
                    if key in self._index.units
                ),
                "",
            )
            unit = self._index.units[above].dn if above else ""
            return DepartmentVerdict(
                "", f"no selected OU above; the nearest is {unit}" if unit else "no OU above"
            )
        path, key = [nearest], selected[nearest].parent
        while key:
            path.append(key)
            key = selected[key].parent
        rule = selected[nearest].rule
        place = next(
            f"departments[{at}]" for at, one in enumerate(self._desired.departments) if one is rule
        )
        at = department_selection.selection(place, rule, self._rules.source, self._index).pattern(
            nearest
        )
        with_it = "children" if rule.children else "parents"
        why = f"included by {with_it}: true" if at is None else f"selected by {rule.select[at]!r}"
        place += f".{with_it}" if at is None else f".select[{at}]"
        dns = tuple(self._index.units[key].dn for key in reversed(path))
        return DepartmentVerdict(dns[-1], why, place, self._background.origin(place), dns)

    def roles(self) -> Iterator[RoleVerdict]:
        """The roles of departments that have one, the role mappings, the default role."""
        matched = False
        for mapping in self._rules.mappings:
            matches = self._position in mapping.members
            matched = matched or matches
            path: tuple[str, ...] = ()
            if mapping.place.startswith("departments"):
                why = mapping.reason if matches else f"not {mapping.reason}"
            elif matches:
                key = next(
                    key
                    for key in mapping.keys
                    if key in self._paths and key not in self._rules.unknown
                )
                path, why = self._paths.to(key), self._paths.how(key)
            else:
                why = self._in_none(mapping)
            origin = self._background.origin(f"{mapping.place}.role")
            yield RoleVerdict(mapping.place, mapping.role, matches, why, origin, path)
        for at, declared in enumerate(self._desired.role_mappings):
            if declared.default and declared.source in ("", self._rules.source.name):
                place = f"role_mappings[{at}]"
                used = self._desired.roles.on_unmapped == "default"
                why = "default role: no other mapping applies"
                if any(mapping.unsure for mapping in self._rules.mappings):
                    why += ", and no role is kept because of a group with unknown members"
                why = (
                    why
                    if used
                    else f"default role, but roles.on_unmapped is {self._desired.roles.on_unmapped}"
                )
                origin = self._background.origin(f"{place}.default")
                yield RoleVerdict(
                    f"{place}.default", declared.role, used and not matched, why, origin
                )

    def fields(self) -> Iterator[FieldVerdict]:
        """What each template gives."""
        settings = self._rules.source.users
        for field in FIELDS:
            template, place = settings.fields[field], f"{self._users}.fields.{field}"
            if template is None:
                origin = self._background.origin(place)
                yield FieldVerdict(
                    field, "null", None, "not managed: the platform's value stays", origin
                )
            else:
                yield self._field(field, template, place)
        for at, attribute in enumerate(settings.attributes):
            place = f"{self._users}.attributes[{at}].value"
            yield self._field(
                attribute.field, attribute.value, place, tuple(sorted(attribute.roles))
            )

    def manager(self) -> ManagerVerdict | None:
        """The manager in the directory; None if the source has no manager attribute."""
        if self._person.manager is None:
            return None
        if not self._person.manager:
            return ManagerVerdict("", False, "the directory names none")
        found = self._index.position(self._person.manager) >= 0
        why = (
            "a person of this source"
            if found
            else "not a person that the rules of this source find"
        )
        if several := self._index.several_persons(self._person.manager):
            why = f"can mean {' or '.join(several)}"
        return ManagerVerdict(self._person.manager, found, why)

    def _verdict(self, rule: str, passes: bool, why: str, path: tuple[str, ...] = ()) -> Verdict:
        place = f"{self._users}.{rule}"
        return Verdict(place, passes, why, self._background.origin(place), path)

    def _create(self, *, exists: bool) -> Verdict:
        rules, source = self._rules, self._rules.source
        create = source.users.create
        at = rules.named_by(self._position)
        if at is not None:
            return self._verdict(f"select[{at}]", True, f"named by {source.users.select[at]!r}")
        new = rules.wants(self._position, exists=False)
        there = rules.wants(self._position, exists=True, serves=True)
        if new:
            return self._verdict("create", True, f"{create}: {rules.why(self._position)}")
        whys = {
            "mapped": "in no selected group or department, and in no group of a role mapping",
            "selected": "no pattern of select names the person",
            "never": "no person becomes a user",
        }
        why = f"{create}: {whys.get(create, 'not wanted')}"
        if there and exists:
            sure = rules.wants(self._position, exists=True)
            stays = (
                "the user already exists"
                if sure
                else "not all members of the groups are known, so an existing user stays"
            )
            return self._verdict("create", True, f"{why}, but {stays}")
        return self._verdict(
            "create",
            False,
            f"{why}; the first login creates the user" if source.register_on_login else why,
        )

    def _required_groups(self, *, exists: bool) -> Verdict:
        settings = self._rules.source.users
        for at, pattern in enumerate(settings.require_groups):
            for key in self._rules.matching((pattern,)):
                if key not in self._rules.unknown and self._position in self._index.members(key):
                    return self._verdict(
                        f"require_groups[{at}]", True, f"member of {pattern}", self._paths.to(key)
                    )
        if not self._rules.outside_required(self._position, serves=exists):
            why = next(iter(self._rules.unknown.values()))
            return self._verdict(
                "require_groups",
                True,
                f"the members are not known, so an existing user stays: {why}",
            )
        missing = [
            pattern for pattern in settings.require_groups if not self._rules.matching((pattern,))
        ]
        hint = f" (there is no group {', '.join(missing)})" if missing else ""
        return self._verdict(
            "require_groups", False, f"in none of {', '.join(settings.require_groups)}{hint}"
        )

    def _enabled(self) -> Iterator[Verdict]:
        source, person = self._rules.source, self._person
        detail = self._background.why_disabled(source, person.attributes) if person.disabled else ""
        told = (
            f"disabled in the directory{': ' * bool(detail)}{detail}"
            if person.disabled
            else "not disabled"
        )
        rule = (
            f"{self._users.removesuffix('.users')}.active_uac" if source.active_uac else "directory"
        )
        yield Verdict(
            rule,
            not person.disabled,
            told,
            self._background.origin(rule) if source.active_uac else "",
        )
        if source.users.inactive_ous:
            found = self._rules.inactive_by(self._position)
            if found is None:
                yield self._verdict("inactive_ous", True, "below none of them")
            else:
                spelt = (
                    person.dn[at + 1 :].lstrip() for at, char in enumerate(person.dn) if char == ","
                )
                above = next(
                    (
                        name
                        for name in spelt
                        if found[1] in (key := dn.key(name), self._index.unit(key))
                    ),
                    found[1],
                )
                yield self._verdict(f"inactive_ous[{found[0]}]", False, f"below {above}")
        if source.users.disabled_when is not None:
            template = source.users.disabled_when
            try:
                text = template.render(person, person.identifier)
            except TemplateFailed as error:
                yield self._verdict("disabled_when", False, f"fails: {error}")
                return
            gives = "nothing" if text is None else repr(text)
            yield self._verdict(
                "disabled_when",
                not self._rules.is_disabling(text),
                f"{template.text} gives {gives}",
            )

    def _in_none(self, mapping: RoleMapping) -> str:
        if not mapping.keys:
            return f"{self._rules.source.name} has no such group: not {mapping.reason}"
        if mapping.unsure:
            why = next(
                self._rules.unknown[key] for key in mapping.keys if key in self._rules.unknown
            )
            return f"its members are not known, so users who have the role keep it: {why}"
        return f"not {mapping.reason}"

    def _field(
        self, field: str, template: Template, place: str, roles: tuple[str, ...] = ()
    ) -> FieldVerdict:
        origin = self._background.origin(place)
        try:
            value = template.render(self._person, self._person.identifier)
        except TemplateFailed as error:
            return FieldVerdict(field, template.text, None, f"fails: {error}", origin, roles)
        absent = absent_of(template, self._person)
        why = ""
        if value is None:
            why = f"absent: {', '.join(absent)}" if absent else "the template gives nothing"
        return FieldVerdict(field, template.text, value, why, origin, roles)


def absent_of(template: Template, entry: Entry) -> list[str]:
    """The attributes that a template may read and the entry has no value of."""
    return sorted(
        name for name in template.attributes if not (entry.attributes.get(name) or ("",))[0].strip()
    )
