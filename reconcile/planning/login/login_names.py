"""The name that a user types: of which source it is, and by which names the directory knows it."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from reconcile.errors import UsageError
from reconcile.model.desired import Source
from reconcile.model.directory import Person
from reconcile.model.login import LoginNames, person_key, whom_key
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.model.text.normalization import normalized

_INVISIBLE = frozenset({"Cc", "Cf", "Mn"})
"""The Unicode categories of characters that are not seen: control, format, and combining ones."""


def source_of(sources: Sequence[Source], typed: str, chosen: str = "") -> Source:
    """The source of a login: the chosen one, the only one, or that of the domain in the name.

    Raises UsageError if that is not exactly one; the platform's users make no difference.
    """
    if chosen:
        return _chosen_source(sources, chosen)
    if not sources:
        raise UsageError("no source is declared: nobody can log in")
    if len(sources) == 1:
        return sources[0]
    of_domain = _of_domain(sources, typed)
    if len(of_domain) == 1:
        return of_domain[0]
    possible = of_domain or sources
    listed = ", ".join(f"{source.name} ({_domain(source) or 'no domain'})" for source in possible)
    raise UsageError(
        f"{typed!r} can be of several sources: {listed}. Write user@domain, or name one with"
        " --source"
    )


def _of_domain(sources: Iterable[Source], typed: str) -> list[Source]:
    """The sources of the domain in a name; none where it has no domain."""
    domain = typed.rpartition("@")[2].casefold() if "@" in typed else ""
    if not domain:
        return []
    return [source for source in sources if _domain(source) == domain]


def _chosen_source(sources: Sequence[Source], chosen: str) -> Source:
    """The source of a name. Raises UsageError if there is none."""
    for source in sources:
        if source.name == chosen:
            return source
    declared = ", ".join(source.name for source in sources)
    raise UsageError(f"there is no source {chosen!r}; declared are: {declared}")


def _domain(source: Source) -> str:
    """The domain that the base DN of a source stands for; "" for none."""
    return dn.domain(source.base_dn).casefold()


def _forms(source: Source, typed: str) -> tuple[str, ...]:
    """The name as it was typed, and without the domain if that is the source's."""
    local, at, domain = typed.rpartition("@")
    if at and local and domain.casefold() == _domain(source):
        return typed, local
    return (typed,)


def names(source: Source, typed: str, current: PlatformState) -> LoginNames:
    """The names and ids by which the directory may know the person."""
    forms = _forms(source, typed)
    usernames = {fold_name(name) for name in forms}
    if "@" not in typed and _domain(source):
        usernames.add(fold_name(f"{typed}@{_domain(source)}"))
    external_ids = {
        user.external_id
        for user in living(current, source)
        if fold_name(user.username) in usernames
    }
    return LoginNames(typed, forms, tuple(sorted(external_ids - {""})))


def living(current: PlatformState, source: Source) -> Iterator[User]:
    """The users of a source that are not erased."""
    return (user for user in current.living() if user.source == source.name)


def attempts_key(source: Source, typed: str, person: Person | None) -> str:
    """The key under which failures count: one for a person, whichever name is typed.

    A name that matches no person has a key, too. Names that a directory treats as the same (case,
    width, spaces, invisible characters) share it.
    """
    if person is not None:
        return person_key(source.name, person.external_id, person.dn)
    folded = normalized("NFKD", normalized("NFKC", _forms(source, typed)[-1]).casefold())
    seen = "".join(char for char in folded if unicodedata.category(char) not in _INVISIBLE)
    return whom_key(source.name, "name\0" + " ".join(seen.split()))
