"""What went wrong while reading a directory: what happened, where, its code, and what to do.

SourceUnreadable (exit code 7)
├── NoSuchObject       an entry that is searched below, or is itself searched for, does not exist
├── GivenUp            nothing that follows is listened to, and nothing is tried again
│   ├── Unintelligible what came is not LDAP, or answers what was not asked
│   ├── Unbounded      more came than the settings allow
│   └── OutOfTime      the read as a whole has taken too long
├── ConnectionBroken   the server stopped in the middle; later, or on another server, it may work
│   └── ServerSilent   it said nothing until the time was over
└── NoConnection       no server could be used; carries the step that failed
    └── BindRefused    the server answered, and lets this reader in neither now nor later
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from reconcile.directories.deadlines import Deadline
from reconcile.directories.search.result_codes import RESULT_CODES
from reconcile.directories.search.search import Search
from reconcile.directories.search.urls import named
from reconcile.directories.vendors import active_directory
from reconcile.errors import SourceUnreadable
from reconcile.model.text.printing import quoted

REACH: Final = "reach server"
TLS: Final = "TLS"
BIND: Final = "bind"
"""The steps of connecting, as `reconcile test` calls them."""

IN_PROGRESS, NO_SUCH_OBJECT, BUSY, UNAVAILABLE = 14, 32, 51, 52


class NoSuchObject(SourceUnreadable):
    """An entry that is searched below, or is itself searched for, does not exist."""


class GivenUp(SourceUnreadable):
    """Nothing that follows is listened to."""


class Unintelligible(GivenUp):
    """What came is not LDAP, or answers what was not asked."""


class Unbounded(GivenUp):
    """More came than the settings allow."""


class OutOfTime(GivenUp):
    """The read as a whole has taken too long."""


class ConnectionBroken(SourceUnreadable):
    """The server stopped answering in the middle of something."""


class ServerSilent(ConnectionBroken):
    """The server said nothing until the time was over."""


class NoConnection(SourceUnreadable):
    """No server could be used."""

    def __init__(self, step: str, message: str, *, later: bool = False) -> None:
        """`step` is what failed, as in a line of `reconcile test`; `later` it may work."""
        self.step = step
        self.later = later
        super().__init__(message)


class BindRefused(NoConnection):
    """The server answered the bind with a refusal."""

    def __init__(self, message: str, result: "Result") -> None:
        """`result` is the server's answer."""
        self.result = result
        super().__init__(BIND, message)


class Unusable(Exception):
    """This server cannot be used; the next one may. Never leaves `connecting`."""

    def __init__(self, step: str, why: str, *, later: bool = False) -> None:
        self.step = step
        self.later = later
        super().__init__(why)


class Result(NamedTuple):
    """How a server says that it is done (LDAPResult of RFC 4511)."""

    code: int
    matched_dn: str
    message: str
    referrals: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The message, fit to be quoted."""
        return quoted(self.message)

    def __str__(self) -> str:
        name = RESULT_CODES.get(self.code, "a code that RFC 4511 does not know")
        said = f", the server says: {self.said}" if self.message else ""
        return f"result {self.code} ({name}){said}"


class Reader(NamedTuple):
    """Who asks, and where; page size 0 is without pages."""

    place: str
    name: str
    page_size: int
    command: str
    """The start of an equal `ldapsearch`."""


def refused(reader: Reader, search: Search, result: Result, entries: int) -> SourceUnreadable:
    """The error for a search that ended with anything but success, after `entries` entries."""
    if result.code == NO_SUCH_OBJECT:
        matched = (
            f"; the nearest entry above it is {quoted(result.matched_dn)}"
            if result.matched_dn
            else ""
        )
        base = quoted(search.base)
        return NoSuchObject(
            f"{reader.place}: the base DN {base} does not exist, or {reader.name} may not see "
            f"it{matched}.\n"
            f"{search}: {result}.\nCorrect the base, or ask for the right to read it."
        )
    remedy = _remedy(reader, result, entries)
    remedy = remedy.format(
        reader=reader.name, page_size=reader.page_size, urls=_listed(result.referrals)
    )
    passes = result.code in {BUSY, UNAVAILABLE} or _lost_its_place(result, entries)
    kind = ConnectionBroken if passes else SourceUnreadable
    return kind(
        f"{reader.place}: {search} was not answered completely: {result}, after {entries} "
        "entries.\n"
        f"Nothing of what was read is used. {remedy}"
    )


def _lost_its_place(result: Result, entries: int) -> bool:
    """Whether it did page, and now cannot, or does not know the cookie that it gave."""
    return entries > 0 and (
        result.code == 12 or (result.code == 53 and "cookie" in result.message.lower())
    )


def _remedy(reader: Reader, result: Result, entries: int) -> str:
    said = result.message.lower()
    match result.code:
        case 4 if not reader.page_size:
            return _UNPAGED
        case 4 if entries >= reader.page_size:
            return _OVER_PAGES
        # OpenLDAP refuses pages in this way too.
        case 11 if "page size" in said:
            return "Set page_size below {page_size}, or ask for larger pages for {reader}."
        case 11 if "pagedresults control" in said:
            return (
                "The server does not let {reader} page its results: set page_size to 0, or ask for "
                "the right to page."
            )
        case _ if _lost_its_place(result, entries):
            return (
                "The server lost its place between two pages (Active Directory: MaxResultSetSize): "
                "try again."
            )
        case _:
            return _REMEDIES.get(result.code, "Ask those who run the directory.")


_SIZE = "Ask for a larger size limit for {reader}, or set page_size below {page_size}."
_OVER_PAGES = (
    "Ask for a larger size limit for {reader}, over all pages; whole pages came, so that a "
    "page_size below {page_size} is no help."
)
_LOOKED_THROUGH = (
    "Ask for larger administrative limits for {reader} (OpenLDAP: size.unchecked, 389 Directory "
    "Server: nsLookThroughLimit), or narrow the base or the filter."
)
_UNPAGED = "Ask for a larger size limit for {reader}, or set page_size, for example to 500."
_CLEAR = "The server wants TLS: set tls.mode to starttls or ldaps."
_BUSY = "The server is overloaded or shutting down: try again later."
_REMEDIES = {
    3: "Ask for a larger time limit for {reader}, or narrow the base or the filter.",
    4: _SIZE,
    8: _CLEAR,
    10: "The entries are on another server: {urls}. Make that one a source.",
    11: _LOOKED_THROUGH,
    12: "The server cannot page its results: set page_size to 0 to read without pages.",
    13: _CLEAR,
    50: "Ask for the right to read these entries for {reader}.",
    BUSY: _BUSY,
    UNAVAILABLE: _BUSY,
}


def referred(place: str, search: Search, urls: Sequence[str]) -> SourceUnreadable:
    """The error for a search whose answer says that a part of the tree is on another server."""
    text = (
        f"{place}: {search} is not complete: "
        f"a part of the tree is on another server: {_listed(urls)}.\n"
    )
    if all(map(active_directory.other_partition, urls)):
        return SourceUnreadable(
            f"{text}Such parts are those of a domain controller: set type: active_directory."
        )
    parts = ", ".join(repr(quoted(named(url))) for url in urls[:_SHOWN] if named(url))
    return SourceUnreadable(
        f"{text}Referrals are not followed. Choose a base that this server holds completely; or, "
        "if that part is a source of its own or no one there matters, set ignore_referrals: "
        f"[{parts or 'its DN'}]."
    )


def unpaged(place: str, search: Search, entries: int) -> SourceUnreadable:
    """The error for a server that was asked for a page and answers as if it had not been."""
    return SourceUnreadable(
        f"{place}: {search} cannot be known to be complete: the server does not answer the "
        f"request for pages, after {entries} entries.\n"
        "Set page_size to 0 to read without pages."
    )


def _listed(urls: Sequence[str]) -> str:
    more = f" and {len(urls) - _SHOWN} more" if len(urls) > _SHOWN else ""
    return ", ".join(map(quoted, urls[:_SHOWN])) + more


_SHOWN: Final = 5
"""How many URLs of one answer are named."""


def broken(place: str, search: Search, why: str, entries: int) -> ConnectionBroken:
    """The error for a server that stopped in the middle of a search, after `entries` entries."""
    return ConnectionBroken(_broken(place, search, why, entries))


def silent(place: str, search: Search, why: str, entries: int) -> ServerSilent:
    """The error for a server that said nothing until the time was over."""
    return ServerSilent(_broken(place, search, why, entries))


def _broken(place: str, search: Search, why: str, entries: int) -> str:
    return (
        f"{place}: the connection broke in the middle of {search}, after {entries} entries: "
        f"{why}.\n"
        "Nothing of what was read is used. Try again, or add another server to `servers`."
    )


def out_of_time(what: str, deadline: Deadline, entries: int = 0) -> OutOfTime:
    """The error for a read that has taken as long as all of it may take."""
    return OutOfTime(
        f"{what} did not end within {deadline.seconds:g} s, the time for the whole read "
        f"({deadline.setting}), after {entries} entries.\n"
        "Nothing of what was read is used. Ask those who run the directory why it is slow, "
        f"narrow the base or the filter, or raise {deadline.setting}."
    )


def too_much(place: str, search: Search, what: str, entries: int) -> Unbounded:
    """The error for an answer that is larger than a source may be."""
    return Unbounded(
        f"{place}: {search} brings too much: {what}, after {entries} entries.\n"
        "Nothing of what was read is used. If the directory is meant to be so large, raise that "
        "limit; otherwise narrow the base or the filter."
    )


def no_memory(place: str) -> Unbounded:
    """The error for an answer that this machine has no room for."""
    return Unbounded(
        f"{place}: there is no memory for what the server sends. Nothing of what was read is "
        "used.\n"
        "Give this process more memory, narrow the base or the filter, or set limits (entries, "
        "entry_size, total_size) lower."
    )


def unbelievable(place: str, search: Search, what: str, entries: int) -> Unintelligible:
    """The error for a server that answers what was not asked."""
    return Unintelligible(
        f"{place}: the answer to {search} is not believed, after {entries} entries: {what}.\n"
        "Nothing of what was read is used. Ask those who run the directory what answers at this "
        "address; another server may do better."
    )


def garbled(place: str, search: Search, error: object) -> Unintelligible:
    """The error for an answer that is none."""
    return Unintelligible(
        f"{place}: the answer to {search} is not LDAP: {quoted(str(error))}.\n"
        "Nothing of what was read is used. Ask those who run the directory what answers at this "
        "address; another server may do better."
    )


def unaskable(place: str, search: Search, error: object) -> SourceUnreadable:
    """The error for a search that cannot be put into LDAP."""
    return SourceUnreadable(f"{place}: {search} cannot be asked: {error}.")
