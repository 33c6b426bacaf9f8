"""What to read from a directory: only what templates and rules of the desired state use."""

from collections.abc import Iterable

from reconcile.model.desired import DesiredState, Source, Template
from reconcile.model.directory import Query


def query(desired: DesiredState, source: Source) -> Query:
    """The attributes of persons, groups and OUs that any rule about this source reads."""
    users = source.users
    managed = (template for template in users.fields.values() if template is not None)
    persons = [*managed, *(attribute.value for attribute in users.attributes)]
    if users.disabled_when is not None:
        persons.append(users.disabled_when)
    groups = [rule for rule in desired.groups if rule.source == source.name]
    departments = [rule for rule in desired.departments if rule.source == source.name]
    mapped = any(
        mapping.groups for mapping in desired.role_mappings if mapping.is_about(source.name)
    )
    return Query(
        person_attributes=_attributes(persons),
        group_attributes=_attributes(rule.name for rule in groups),
        unit_attributes=_attributes(rule.title for rule in departments),
        groups=bool(groups or mapped or users.require_groups or source.expect.groups),
        units=bool(departments or users.inactive_ous),
    )


def _attributes(templates: Iterable[Template]) -> frozenset[str]:
    return frozenset().union(*(template.attributes for template in templates))
