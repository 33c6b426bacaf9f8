"""What to read from a directory: only what templates and rules of the desired state use."""

from collections.abc import Iterable

from reconcile.model.desired import DesiredState, Source, Template
from reconcile.model.directory import Query


def query(desired: DesiredState, source: Source) -> Query:
    """The attributes of persons, groups and OUs that any rule about this source reads."""
    users, name = source.users, source.name
    templates = [template for template in users.fields.values() if template is not None]
    templates += [attribute.value for attribute in users.attributes]
    if users.disabled_when is not None:
        templates.append(users.disabled_when)
    groups = [rule.name for _, rule in desired.groups_of(name)]
    departments = [rule.title for _, rule in desired.departments_of(name)]
    return Query(
        person_attributes=_attributes(templates),
        group_attributes=_attributes(groups),
        unit_attributes=_attributes(departments),
        groups=bool(groups) or _needs_groups(desired, source),
        units=bool(departments or users.inactive_ous),
    )


def _needs_groups(desired: DesiredState, source: Source) -> bool:
    """Whether a rule looks at groups of the source that are not mirrored."""
    users = source.users
    if users.create_groups or users.require_groups or source.expect.groups:
        return True
    return any(mapping.groups for _, mapping in desired.role_mappings_of(source.name))


def _attributes(templates: Iterable[Template]) -> frozenset[str]:
    """The names of all attributes that templates may read."""
    return frozenset().union(*(template.attributes for template in templates))
