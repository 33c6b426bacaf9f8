"""The one place that imports python-ldap, which has no types, and what is the same for every connection.

python-ldap installs a top-level module `ldif` too; nothing here uses it. Importing this raises ImportError where
libldap is too old to do what is asked of it.
"""

import errno
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple, TypeAlias

import ldap
from ldap.controls import DecodeControlTuples, SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

from reconcile.directories.codes import RESULT_CODES
from reconcile.directories.failures import Result

LDAPError: Final = ldap.LDAPError

# PYTHON_LDAP_TRACE_LEVEL in the environment makes python-ldap print every call with its arguments: passwords too.
ldap._trace_level = 0  # noqa: SLF001 - there is no public way to overrule the environment

if not hasattr(ldap, "OPT_X_TLS_REQUIRE_SAN"):
    raise ImportError("python-ldap was compiled with a libldap older than 2.5, which checks certificates less strictly")

Entry: TypeAlias = tuple[str, dict[str, list[bytes]]]
"""An entry as python-ldap gives it."""

NO_CONNECTION: Final = "ldapi://%2Fdev%2Fnull"
"""A URL that nobody can answer at."""


class _Unlocked(nullcontext[None]):
    """What python-ldap takes for a lock."""

    def acquire(self) -> None:
        """Does nothing."""

    def release(self) -> None:
        """Does nothing."""


class Connection(SimpleLDAPObject):  # type: ignore[misc]  # python-ldap has no types
    """A connection of libldap, which does not open itself again once it is lost."""

    def _ldap_lock(self, desc: str = "") -> AbstractContextManager[None]:
        """No lock: one thread uses it, and an interrupt could leave a lock held, which closing it waits for."""
        del desc
        return _Unlocked()

    def message(self, number: int, seconds: float, entries: list[Entry]) -> tuple[int, list[Any], list[Any]]:
        """Kind, content and raw controls of the next message that answers a request and is no entry.

        The entries before it are added to `entries`. Raises LDAPError or ValueError. Straight to libldap, as nobody
        else uses the connection.
        """
        next_one, option = self._l.result4, self._l.get_option
        one, entry, code = ldap.MSG_ONE, ldap.RES_SEARCH_ENTRY, ldap.OPT_RESULT_CODE
        while True:
            kind, found, _, controls = next_one(number, one, seconds, 0, 0, 0)
            if kind != entry:
                return kind, found, controls
            # What libldap cannot decode of an entry it leaves out, and only here it says so.
            if option(code):
                raise ValueError(f"the entry {found[0][0]!r} cannot be decoded")
            entries += found


class Failure(NamedTuple):
    """What python-ldap raised, taken apart: a server's answer, or else why there was none."""

    answer: Result | None
    why: str


def failure(error: Exception) -> Failure:
    """What an LDAPError says; its own text would be a Python dictionary."""
    told = _told(error)
    code, said = told.get("result", -1), str(told.get("info") or "")
    # libldap's own codes are negative.
    if code > 0:
        text, _, urls = said.partition("Referral:\n")
        return Failure(Result(code, str(told.get("matched") or ""), text.strip(), tuple(urls.split())), said)
    number = told.get("errno")
    if not said and number:
        said = os.strerror(number)
    if isinstance(error, ldap.SERVER_DOWN) and not said:
        said = "the server closed the connection"
    return Failure(None, said or str(told.get("desc") or type(error).__name__))


def _told(error: Exception) -> dict[str, Any]:
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}


def name_of(code: int) -> str:
    """A result code by its name."""
    return RESULT_CODES.get(code, f"result {code}")


def timed_out(error: Exception) -> bool:
    """Whether nothing came in time."""
    return isinstance(error, ldap.TIMEOUT)


def malformed(error: Exception) -> bool:
    """Whether what came is not LDAP."""
    return isinstance(error, ldap.DECODING_ERROR) or _told(error).get("errno") == errno.ERANGE


def unaskable(error: Exception) -> bool:
    """Whether libldap refuses to send what it was given."""
    return isinstance(error, ldap.FILTER_ERROR | ldap.ENCODING_ERROR | ldap.PARAM_ERROR)


def page(size: int, cookie: bytes) -> Any:
    """The request for a page. Critical: a server that cannot page has to say so instead of sending what it likes."""
    return SimplePagedResultsControl(criticality=True, size=size, cookie=cookie)


def cookie(controls: list[Any]) -> bytes | None:
    """What to ask the next page with; None without the control. Raises ValueError or LDAPError for one that is none."""
    for control in DecodeControlTuples(controls):
        if control.controlType == ldap.CONTROL_PAGEDRESULTS:
            found: bytes = control.cookie
            return found
    return None


__all__ = [
    "NO_CONNECTION",
    "Connection",
    "Entry",
    "Failure",
    "LDAPError",
    "cookie",
    "failure",
    "ldap",
    "malformed",
    "name_of",
    "page",
    "timed_out",
    "unaskable",
]
