"""Whether a user, group or department still stands for the same entry of a directory."""

from typing import Final

import msgspec

from reconcile.model.change import Fields, mapping, text
from reconcile.model.desired import Source
from reconcile.model.kinds import NAMES
from reconcile.model.platform import User
from reconcile.model.text import dn
from reconcile.planning.guards.ownership.owners import Thing
from reconcile.planning.target.people.facts import ENOUGH, independent, user_facts

_FOLDINGS: Final[tuple[dn.Folding, ...]] = ("case", "compatibility")
_OWN_NAMES: Final = frozenset({*NAMES["group"], *NAMES["department"]})


def changes_entry(before: Thing, after: Fields) -> bool:
    """Whether it stands for another entry, by its id or, without one, by its DN."""
    external_id = value_after(before, after, "external_id")
    if external_id or before.external_id:
        return external_id.lower() != before.external_id.lower()
    return not same_dn(value_after(before, after, "dn"), before.dn)


def too_little_in_common(before: Thing, after: Fields, source: Source) -> str:
    """Why the rules would not take it for that of another entry; "" if enough stays the same."""
    dn_stays = same_dn(value_after(before, after, "dn"), before.dn)
    if isinstance(before, User):
        # In a directory without ids the DN was the id.
        agrees = (dn_stays and not before.external_id) or _facts_agree(before, after, source)
    else:
        agrees = dn_stays or after.keys().isdisjoint(_OWN_NAMES)
    if agrees:
        return ""
    return "it would stand for another entry, with which it has too little in common"


def _facts_agree(before: User, after: Fields, source: Source) -> bool:
    """Whether as many facts stay the same as it takes to match a person and a user."""
    attributes = before.attributes | mapping(after, "attributes")
    wanted = msgspec.structs.replace(
        before,
        username=value_after(before, after, "username"),
        email=value_after(before, after, "email"),
        dn=value_after(before, after, "dn"),
        attributes={field: text for field, text in attributes.items() if text is not None},
    )
    facts = user_facts(before, source.users.match_by)
    facts_after = user_facts(wanted, source.users.match_by)
    same = [fact for fact, value in facts.items() if value and value == facts_after[fact]]
    return independent(same, facts_after) >= ENOUGH


def value_after(before: Thing, after: Fields, field: str) -> str:
    """A field once the change is done; "" for none."""
    return text(after, field) if field in after else str(getattr(before, field))


def same_dn(first: str, second: str) -> bool:
    """Whether two DNs can be the name of one entry, as the widest server compares."""
    left, right = dn.key(first), dn.key(second)
    if left == right:
        return True
    return any(dn.wide(left, folding) == dn.wide(right, folding) for folding in _FOLDINGS)
