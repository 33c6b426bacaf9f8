"""Persons who get no user because of a rule, as the plan counts them."""

from collections.abc import Iterable, Iterator, Sequence

from reconcile.model.notice import LeftOut, LeftOutPerson
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.target_state import TargetState


def left_out(
    workspace: str, rules: Iterable[SourceRules], result: TargetState
) -> Iterator[LeftOut]:
    """Those of each source that was read, by the reason; `result` is what is wanted."""
    for of_source in rules:
        source = of_source.source.name
        for code, positions in result.people[source].left_out.items():
            people = tuple(_people(of_source, positions))
            yield LeftOut(workspace, source, code, len(people), people)


def _people(rules: SourceRules, positions: Sequence[int]) -> Iterator[LeftOutPerson]:
    """The persons at positions."""
    persons = rules.index.snapshot.persons
    return (LeftOutPerson(persons[at].identifier, persons[at].dn) for at in positions)
