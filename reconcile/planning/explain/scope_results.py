"""Whether each rule lets a person in as a user, and whether it keeps the user in service."""

from collections.abc import Iterator, Sequence
from typing import Final

from reconcile.errors import TemplateFailed
from reconcile.model.desired import Create, Template
from reconcile.model.text import dn
from reconcile.model.views.explanation import RuleResult
from reconcile.planning.explain.field_results import field_results
from reconcile.planning.explain.person_rules import PersonRules

_NOT_WANTED: Final[dict[Create, str]] = {
    "mapped": "in no selected group or department, and in no group of a role mapping",
    "selected": "no pattern of select names the person",
    "never": "no person becomes a user",
}


def scope_results(about: PersonRules, *, exists: bool) -> Iterator[RuleResult]:
    """What each rule says that is set; `exists`: the person already has a user."""
    search = about.background.searches[about.source.name]
    yield about.result("filter", True, f"{search.filter or 'found'} below {search.base}")
    if about.users.exclude:
        yield _excluded(about)
    yield _created(about, exists=exists)
    if about.users.require_groups:
        yield _in_required_groups(about, exists=exists)
    yield from _required_fields(about)
    if not about.users.create_disabled:
        yield _created_if_disabled(about, exists=exists)
    yield _enabled_in_directory(about)
    if about.users.inactive_ous:
        yield _outside_inactive_ous(about)
    if about.users.disabled_when is not None:
        yield _enabled_by_template(about, about.users.disabled_when)


def _excluded(about: PersonRules) -> RuleResult:
    """`exclude` leaves a person out."""
    at = about.rules.excluded_by(about.position)
    if at is None:
        return about.result("exclude", True, "matches no pattern")
    return about.result(f"exclude[{at}]", False, f"matches {about.users.exclude[at]!r}")


def _created(about: PersonRules, *, exists: bool) -> RuleResult:
    """`select` names a person, or `create` wants it."""
    rules, position, create = about.rules, about.position, about.users.create
    at = rules.named_by(position)
    if at is not None:
        return about.result(f"select[{at}]", True, f"named by {about.users.select[at]!r}")
    member = _member_of(about, "create.groups", about.users.create_groups)
    if member is not None:
        return member
    if rules.wants(position, exists=False):
        return about.result("create", True, f"{create}: {rules.why(position)}")
    why, key = _not_wanted(about), "create.groups" if create == "groups" else "create"
    # An existing user may stay although a new one would not be created.
    if exists and rules.wants(position, exists=True, serves=True):
        stays = "not all members of the groups are known, so an existing user stays"
        if rules.wants(position, exists=True):
            stays = "the user already exists"
        return about.result(key, True, f"{why}, but {stays}")
    if about.source.register_on_login:
        why += "; the first login creates the user"
    return about.result(key, False, why)


def _not_wanted(about: PersonRules) -> str:
    """Why `create` does not want a person."""
    create = about.users.create
    if create == "groups":
        return _in_none(about, about.users.create_groups)
    return f"{create}: {_NOT_WANTED[create]}"


def _member_of(about: PersonRules, key: str, patterns: Sequence[str]) -> RuleResult | None:
    """The first group of a list of `users` that the person is in; None if it is in none."""
    for at, pattern in enumerate(patterns):
        for group in about.rules.matching((pattern,)):
            if group not in about.rules.unknown and about.position in about.index.members(group):
                path = about.paths.to(group)
                return about.result(f"{key}[{at}]", True, f"member of {pattern}", path)
    return None


def _in_required_groups(about: PersonRules, *, exists: bool) -> RuleResult:
    """`require_groups`: a person has to be in one of them."""
    required = about.users.require_groups
    member = _member_of(about, "require_groups", required)
    if member is not None:
        return member
    if not about.rules.outside_required(about.position, serves=exists):
        unknown = next(iter(about.rules.unknown.values()))
        why = f"the members are not known, so an existing user stays: {unknown}"
        return about.result("require_groups", True, why)
    return about.result("require_groups", False, _in_none(about, required))


def _in_none(about: PersonRules, patterns: Sequence[str]) -> str:
    """That the person is in none of these groups, and which of them do not exist."""
    missing = [pattern for pattern in patterns if not about.rules.matching((pattern,))]
    nowhere = f" (there is no group {', '.join(missing)})" if missing else ""
    return f"in none of {', '.join(patterns)}{nowhere}"


def _required_fields(about: PersonRules) -> Iterator[RuleResult]:
    """`require`: fields and attributes that a person has to have."""
    values: dict[str, str] = {}
    for result in field_results(about):
        if result.value is not None:
            values.setdefault(result.field, result.value)
    for at, field in enumerate(about.users.require):
        has = field in values
        why = f"{field} is {values[field]!r}" if has else f"{field} is required, and there is none"
        yield about.result(f"require[{at}]", has, why)


def _created_if_disabled(about: PersonRules, *, exists: bool) -> RuleResult:
    """`create_disabled`: whether a person who is disabled becomes a user."""
    if exists:
        return about.result("create_disabled", True, "the user already exists")
    try:
        disabled = about.rules.disabled(about.position)
    except TemplateFailed:
        disabled = False
    why = "disabled in the directory" if disabled else "not disabled"
    return about.result("create_disabled", not disabled, why)


def _enabled_in_directory(about: PersonRules) -> RuleResult:
    """The vendor's attributes disable a person; in Active Directory `active_uac` reads them."""
    enabled, why = not about.person.disabled, _why_in_service(about)
    if not about.source.active_uac:
        return RuleResult("directory", enabled, why)
    rule = f"{about.source_path}.active_uac"
    return RuleResult(rule, enabled, why, about.origin(rule))


def _why_in_service(about: PersonRules) -> str:
    """What the directory says of the person's service."""
    if not about.person.disabled:
        return "not disabled"
    detail = about.background.why_disabled(about.source, about.person.attributes)
    return f"disabled in the directory: {detail}" if detail else "disabled in the directory"


def _outside_inactive_ous(about: PersonRules) -> RuleResult:
    """`inactive_ous`: a person below one of them is disabled."""
    disabling = about.rules.inactive_by(about.position)
    if disabling is None:
        return about.result("inactive_ous", True, "below none of them")
    at, key = disabling
    return about.result(f"inactive_ous[{at}]", False, f"below {_as_written(about, key)}")


def _as_written(about: PersonRules, key: str) -> str:
    """A name above the person as its DN has it; the normalized name where that is unclear."""
    written = about.person.dn
    for at, char in enumerate(written):
        if char != ",":
            continue
        above = written[at + 1 :].lstrip()
        above_key = dn.key(above)
        if key in (above_key, about.index.unit(above_key)):
            return above
    return key


def _enabled_by_template(about: PersonRules, template: Template) -> RuleResult:
    """`disabled_when` disables a person whose text says so, or for whom it fails."""
    try:
        text = template.render(about.person, about.person.identifier)
    except TemplateFailed as error:
        return about.result("disabled_when", False, f"fails: {error}")
    gives = "nothing" if text is None else repr(text)
    enabled = not about.rules.is_disabling(text)
    return about.result("disabled_when", enabled, f"{template.text} gives {gives}")
