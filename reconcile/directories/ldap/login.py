"""Logging in: finding one person, and binding as that person.

The bind uses a connection of its own, opened like those of the source: with the
same TLS rules, never in clear text if they require TLS.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NoReturn

import msgspec

from reconcile.directories.deadlines import TOTAL, after
from reconcile.directories.errors import BindRefused
from reconcile.directories.ldap.connect import connect, no_step
from reconcile.directories.search import attribute_options, filters
from reconcile.directories.search.search import Searcher
from reconcile.directories.snapshot import snapshot
from reconcile.directories.vendors import active_directory
from reconcile.directories.vendors.table import LOGINS, Vendor
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.login import LoginNames
from reconcile.model.text import attribute_types, dn
from reconcile.model.text.folding import folded
from reconcile.ports import Progress

_WITHOUT_TLS: Final = frozenset({8, 13})
"""A server's answer to a bind without TLS: an error of the settings, not of the person."""


class _Envelope:
    """The password that a user typed, as a `desired.Secret`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a password cannot be copied or stored")


def narrowed(source: desired.Source, vendor: Vendor, names: LoginNames) -> desired.Source:
    """The source, limited to persons with one of the names.

    What was typed is taken literally.
    """
    whole = filters.enclosed(source.users.filter or vendor.user_filter)
    known_by = "".join(f"({assertion})" for assertion in _assertions(source, vendor, names))
    users = msgspec.structs.replace(source.users, filter=f"(&{whole}(|{known_by}))")
    return msgspec.structs.replace(source, users=users)


def _assertions(source: desired.Source, vendor: Vendor, names: LoginNames) -> Iterator[str]:
    identifier = attribute_types.plain(source.users.identifier or vendor.identifier)
    for name in names.identifiers:
        yield f"{identifier}={filters.escape(name)}"
    if vendor.principal:
        yield f"{vendor.principal}={filters.escape(names.typed)}"
    for mail in names.mails:
        yield f"mail={filters.escape(mail)}"
    for external_id in names.external_ids:
        with suppress(ValueError):  # a text that can be no id of this directory names no one in it
            yield f"{vendor.stable_id}={vendor.id_assertion(external_id)}"


def read(
    source: desired.Source,
    vendor: Vendor,
    names: LoginNames,
    query: Query,
    searcher: Searcher,
    progress: Progress,
    lookalikes: frozenset[str] = frozenset(),
) -> DirectorySnapshot:
    """The persons with one of the names, and everything else that the rules find.

    Logins that two persons of the source share are left out: a group that lists them means neither.
    `lookalikes` are as in a DirectorySnapshot. Raises SourceUnreadable.
    """
    narrow = narrowed(source, vendor, names)

    def unshared(persons: tuple[Person, ...]) -> tuple[Person, ...]:
        return _unshared(source, vendor, searcher, persons)

    return snapshot.snapshot(
        narrow, vendor, query, searcher, progress, lookalikes=lookalikes, unshared=unshared
    )


def _unshared(
    source: desired.Source, vendor: Vendor, searcher: Searcher, persons: tuple[Person, ...]
) -> tuple[Person, ...]:
    """The persons, without the logins that another person of the source also has.

    This is read even if no group that the rules find lists logins: a group within one of them may.
    """
    logins = {login for person in persons for login in person.logins}
    if not logins:
        return persons
    own = {dn.key(person.dn) for person in persons}
    whole = filters.enclosed(source.users.filter or vendor.user_filter)
    wanted = f"(&{whole}{filters.any_of(LOGINS, sorted(map(filters.escape, logins)))})"
    search = snapshot.users_search(source, vendor, (LOGINS,))._replace(filter=wanted)
    shared = {
        folded(value.decode("utf-8", "replace"))
        for page in searcher.search(search)
        for entry in map(attribute_options.merged, page)
        if dn.key(entry.dn) not in own
        for value in entry.attributes.get(LOGINS, ())
    }
    return tuple(
        msgspec.structs.replace(
            person, logins=tuple(login for login in person.logins if folded(login) not in shared)
        )
        for person in persons
    )


def refusal(source: desired.Source, dn: str, password: str) -> str:
    """Why the directory refuses a user; "" if it does not.

    Raises SourceUnreadable if no server could be asked.
    """
    if not dn or not password or "\0" in password:
        # RFC 4513, 5.1.2: a server would call it a success and bind no one; one written in C ends a
        # text at the NUL.
        return "no server is asked with an empty name, an empty password, or a NUL character in it"
    as_person = msgspec.structs.replace(
        source, bind=desired.Bind(dn=dn, password=_Envelope(password))
    )
    try:
        until = after(source.timeout.total, TOTAL)
        session = connect(
            as_person, as_person.servers, no_step, until, warned=source.bind.password is not None
        )
    except BindRefused as refused:
        if refused.result.code in _WITHOUT_TLS:
            raise
        meaning = active_directory.why_refused(refused.result.message)
        return f"{refused.result}" + (f" ({meaning})" if meaning else "")
    session.close()
    return ""
