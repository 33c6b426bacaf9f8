"""A person's profile: every template rendered, every value checked.

A wrong value in a field or a required attribute holds back the whole profile; in an optional
attribute, that attribute alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import SkipCode
from reconcile.model.desired import Users
from reconcile.model.directory import Person
from reconcile.model.platform import Abilities, User
from reconcile.model.text.folding import fold_name
from reconcile.model.text.sentences import misfit
from reconcile.planning.target.one_value import rendered

FIELDS: Final = ("username", "first_name", "last_name", "email")


class Refused(Exception):
    """A profile cannot be supplied, or a group or department has no name."""

    def __init__(self, code: SkipCode, detail: str) -> None:
        """The skip's code and detail."""
        super().__init__(detail)
        self.code: SkipCode = code
        self.detail = detail


class Profile(msgspec.Struct):
    """Fields and extended attributes that are managed and set.

    The directory clears a field with "", an attribute with None. `left_out` says which attributes
    have a value that the platform cannot hold, and why.
    """

    fields: dict[str, str]
    attributes: dict[str, str | None]
    left_out: list[str]


def username(settings: Users, person: Person, user: User | None = None) -> str:
    """The wanted username. Raises Refused when the template fails or supplies nothing."""
    template = settings.username
    current = user.username if user is not None else ""
    try:
        text = rendered(template, person, current, identifiers(person))
    except TemplateFailed as error:
        raise Refused("template_failed", str(error)) from error
    if text is None:
        raise Refused("missing_field", f"the username template {template.text!r} supplies nothing")
    return text


def identifiers(person: Person) -> Sequence[str]:
    """The values of the login attribute, the one that counts first; "" for none."""
    return person.identifiers or (person.identifier,)


def fields(settings: Users, person: Person, user: User | None, name: str) -> dict[str, str]:
    """The fields of a person whose username is `name`. Raises Refused and TemplateFailed."""
    logins = identifiers(person)
    values = {"username": name}
    for field in FIELDS[1:]:
        template = settings.fields[field]
        if template is None:
            continue
        current = getattr(user, field) if user is not None else ""
        text = rendered(template, person, current, logins)
        if text is not None or settings.clears(field):
            values[field] = text or ""
    return values


def profile(
    settings: Users,
    person: Person,
    user: User | None,
    values: dict[str, str],
    roles: Iterable[str],
    abilities: Abilities,
) -> Profile:
    """The whole profile; `values` are its fields.

    Raises Refused for a value that is missing, reserved or too long, and TemplateFailed.
    """
    result = Profile(values, {}, [])
    logins, roles = identifiers(person), frozenset(roles)
    before: Mapping[str, str] = user.attributes if user is not None else {}
    length = abilities.lengths.get("attribute", 0)
    for attribute in settings.attributes:
        if attribute.roles and attribute.roles.isdisjoint(roles):
            continue
        field = attribute.field
        try:
            text = rendered(attribute.value, person, before.get(field, ""), logins)
            if text is not None:
                what = f"attribute {field}"
                check_text(what, text, abilities.lengths.get(what, length))
        except (TemplateFailed, Refused) as error:
            if field in settings.require:
                raise
            prefix = "" if isinstance(error, Refused) else f"attribute {field}: "
            result.left_out.append(f"{prefix}{error}")
            continue
        if text is not None or settings.clears(field):
            result.attributes[field] = text
    _check(settings, result, abilities)
    return result


def _check(settings: Users, profile: Profile, abilities: Abilities) -> None:
    """Raises Refused for a required value that is missing, and a reserved or unfit one."""
    for field in settings.require:
        if not profile.fields.get(field) and not profile.attributes.get(field):
            raise Refused("missing_field", f"{field} is required and the directory has none")
    name = profile.fields["username"]
    if fold_name(name) in abilities.reserved_usernames:
        raise Refused("reserved_username", f"the platform keeps {name!r} for itself")
    for field, text in profile.fields.items():
        check_text(field, text, abilities.lengths.get(field, 0))


def check_text(what: str, text: str, length: int) -> None:
    """Raises Refused for text over `length` (0: any) or with characters no platform takes."""
    fits = not length or len(text) <= length
    if fits and text.isprintable():  # as in almost every entry
        return
    if why := misfit(what, text, length):
        raise Refused("invalid_value", why)
