"""What a person and a user can have in common, in the form that is compared."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from reconcile.errors import TemplateFailed
from reconcile.model.desired import Fact, Template, Users
from reconcile.model.directory import Person
from reconcile.model.platform import User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name

ENOUGH: Final = 2
"""How many facts have to agree."""
Facts: TypeAlias = Mapping[Fact, str]
"""What is known of a person or user, in the form that is compared; "" for nothing."""
_NAMES: Final = frozenset({"username", "email"})
"""The facts that are names: their case does not matter."""


def user_facts(user: User, match_by: Sequence[Fact]) -> Facts:
    """What is known of a user."""
    fields = {
        "dn": dn.key(user.dn),
        "username": fold_name(user.username),
        "email": fold_name(user.email),
    }
    return {fact: fields.get(fact, user.attributes.get(fact, "").strip()) for fact in match_by}


def person_facts(settings: Users, person: Person, key: str) -> Facts:
    """What is known of a person of a source, in the same form. `key` is the normalized DN."""
    templates = {attribute.field: attribute.value for attribute in settings.attributes}
    templates |= {field: text for field, text in settings.fields.items() if text is not None}
    facts: dict[Fact, str] = {}
    for fact in settings.match_by:
        text = key if fact == "dn" else ""
        if fact in templates:
            text = _rendered(templates[fact], person)
        facts[fact] = fold_name(text) if fact in _NAMES else text.strip()
    return facts


def _rendered(template: Template, person: Person) -> str:
    """What a template gives for a person; "" if it fails or gives nothing."""
    try:
        return template.render(person, person.identifier) or ""
    except TemplateFailed:
        return ""


def agrees(user: User, facts: Facts) -> bool:
    """Whether a user and a person with these facts have one in common."""
    known = user_facts(user, tuple(facts))
    return any(value and value == facts.get(fact) for fact, value in known.items())


def independent(agreeing: Sequence[Fact], facts: Facts) -> int:
    """How many of the facts are independent: a fact made of another one adds nothing."""
    counted: list[Fact] = []
    for fact in agreeing:
        if not any(_repeats(fact, other, facts) for other in counted):
            counted.append(fact)
    return len(counted)


def _repeats(fact: Fact, other: Fact, facts: Facts) -> bool:
    """Whether two facts say the same: an equal text, or a DN that begins with the other's text."""
    if "dn" not in (fact, other):
        return facts[fact].casefold() == facts[other].casefold()
    beside_dn = other if fact == "dn" else fact
    try:
        values = {value.casefold() for _, value in dn.parse(facts["dn"])[0]}
    except (ValueError, IndexError):
        return True  # a DN that cannot be parsed may be made of anything
    text = facts[beside_dn].casefold()
    local = text.partition("@")[0]
    return text in values or (beside_dn == "username" and local in values)
