"""What each template gives for a person, and whom the directory names as its manager."""

from collections.abc import Iterator

from reconcile.errors import TemplateFailed
from reconcile.model.desired import Template, TemplateEntry
from reconcile.model.views.explanation import FieldResult, ManagerResult
from reconcile.planning.explain.person_rules import PersonRules
from reconcile.planning.target.profiles import FIELDS


def field_results(about: PersonRules) -> Iterator[FieldResult]:
    """The fields of the user, then its extended attributes."""
    for field in FIELDS:
        place = f"{about.users_path}.fields.{field}"
        template = about.users.fields[field]
        if template is not None:
            yield _field(about, field, template, place)
        else:
            why = "not managed: the platform's value stays"
            yield FieldResult(field, "null", None, why, about.origin(place))
    for at, attribute in enumerate(about.users.attributes):
        place = f"{about.users_path}.attributes[{at}].value"
        roles = tuple(sorted(attribute.roles))
        yield _field(about, attribute.field, attribute.value, place, roles)


def _field(
    about: PersonRules, field: str, template: Template, place: str, roles: tuple[str, ...] = ()
) -> FieldResult:
    """What the template of a field or attribute gives; the attribute may be for some roles only."""
    origin, why = about.origin(place), ""
    try:
        value = template.render(about.person, about.person.identifier)
    except TemplateFailed as error:
        return FieldResult(field, template.text, None, f"fails: {error}", origin, roles)
    if value is None:
        absent = _absent(template, about.person)
        why = f"absent: {', '.join(absent)}" if absent else "the template gives nothing"
    return FieldResult(field, template.text, value, why, origin, roles)


def _absent(template: Template, entry: TemplateEntry) -> list[str]:
    """The attributes that a template may read and the entry has no value of."""
    return sorted(name for name in template.attributes if not _has(entry, name))


def _has(entry: TemplateEntry, name: str) -> bool:
    """Whether the first value of an attribute is more than spaces."""
    values = entry.attributes.get(name) or ("",)
    return bool(values[0].strip())


def manager_result(about: PersonRules) -> ManagerResult | None:
    """Whom the directory names; None where the source has no manager attribute."""
    manager = about.person.manager
    if manager is None:
        return None
    if not manager:
        return ManagerResult("", False, "the directory names none")
    is_person = about.index.position(manager) >= 0
    if several := about.index.several_persons(manager):
        return ManagerResult(manager, is_person, f"can mean {' or '.join(several)}")
    if is_person:
        return ManagerResult(manager, True, "a person of this source")
    return ManagerResult(manager, False, "not a person that the rules of this source find")
