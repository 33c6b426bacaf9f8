"""Servers that lie: every wait ends, every read ends, and the reason says what was seen and what to do.

The times are those of the settings and bounds far beyond them: how fast it is, is measured
elsewhere.
"""

import socket
import time
import types

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model import desired
from tests.servers import lying
from tests.servers.lying import Lie, greeting
from tests.servers.reading import count, refused
from tests.servers.slapd import SUFFIX, Slapd
from tests.servers.sources import EVERYTHING, source

pytestmark = pytest.mark.server

LONGEST = 15.0
"""Seconds that any of it may take, where settings say at most two."""


def lied_to(lie: Lie, **changes: object) -> str:
    """Why a read from such a server is refused."""
    begun = time.monotonic()
    # On a busy machine it takes this server seconds to make the names.
    patience = 10 if lie is lying.many_names else 1
    settings = {"page_size": 100, "timeout": desired.Timeout(connect=2, read=patience, total=20)}
    with lying.lying(lie) as url:
        message = refused(source(url, **(settings | changes)))
    assert time.monotonic() - begun < LONGEST
    assert url in message
    return message


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lying.endless, "entries or more where it was asked for 100"),
        (lying.empty_pages, "more than 1000 pages without any entry"),
        (lying.same_page, "the server sends the same page again"),
        (lying.pages_in_turn, "the server sends the same page again"),
        (lying.references, "more than 10000 references or intermediate messages"),
        (lying.intermediate, "more than 10000 references or intermediate messages"),
        (lying.many_values, "more than the 2000000 values it may have"),
        (lying.many_names, "than the 1000"),
        (lying.some_more_names, "of 1100 attributes, more than the 1000 it may have"),
        (lying.huge_cookie, "wants 1000000 bytes back with the request for the next page"),
        (
            lying.outside,
            "the entry uid=p1,ou=people,dc=other,dc=org, which is outside the search",
        ),
        (lying.outside_behind_a_backslash, "which is outside the search"),
        (lying.for_another, "does not answer any request"),
        (lying.empty_code, "a result code of the bytes (none)"),
        (lying.negative_code, "a result code of the bytes 80"),
        (lying.large_code, "a result code of the bytes 010000000000000000"),
        (lying.unsolicited_slowly, "message 0 does not answer any request"),
    ],
)
def test_what_no_directory_answers_is_not_believed(lie: Lie, said: str) -> None:
    message = lied_to(lie)
    assert said in message
    assert "Nothing that was read is used. Ask the directory administrators" in message


@pytest.mark.parametrize("lie", [lying.ahead, lying.twice])
def test_what_was_not_asked_yet_is_no_answer(lie: Lie) -> None:
    """It is found when the next search is asked, here that for those who nobody found."""
    with lying.lying(lie) as url:
        directory = LdapDirectory(source(url))
        message = ""
        try:
            directory.read(EVERYTHING)
        except Exception as error:  # noqa: BLE001 - its kind is looked at below
            message = f"{type(error).__name__}: {error}"
        directory.close()
    assert message.startswith("Unintelligible: ")
    assert "the server answers before it was asked" in message


@pytest.mark.parametrize(("lie", "what"), [(lying.same_id, "stable id"), (lying.same_name, "name")])
def test_an_entry_that_comes_again_and_again(lie: Lie, what: str) -> None:
    assert f"have one {what}" in lied_to(lie)


def test_a_code_that_nobody_knows_is_no_success() -> None:
    assert "result 2147483647 (a code that is not in RFC 4511)" in lied_to(lying.large_known_code)


@pytest.mark.parametrize(
    ("lie", "limits", "said"),
    [
        (lying.endless_pages, {"entries": 5000}, "more than 5000 entries (limits.entries)"),
        (lying.endless, {"entries": 5000}, "more than 5000 entries (limits.entries)"),
        (
            lying.endless_pages,
            {"total_size": 500_000},
            "more than 500000 bytes in all (limits.total_size)",
        ),
        (
            lying.two_gigabytes,
            {},
            "a message has 2147483646 bytes, more than 134217728 (limits.entry_size)",
        ),
        (lying.many_names, {"entry_size": 2**16}, "bytes, more than 65536 (limits.entry_size)"),
    ],
)
def test_more_than_the_limits_allow(lie: Lie, limits: dict[str, int], said: str) -> None:
    page_size = 0 if lie is lying.endless else 100
    message = lied_to(lie, limits=desired.ReadLimits(**limits), page_size=page_size)
    assert said in message
    assert "raise that limit; otherwise narrow the base or the filter" in message


@pytest.mark.parametrize("lie", [lying.nothing, lying.byte_by_byte, lying.intermediate_slowly])
def test_only_an_answer_ends_the_wait_for_one(lie: Lie) -> None:
    message = lied_to(lie)
    assert "no answer within 1 s (timeout.read)" in message
    assert "Try again, or add another server" in message


@pytest.mark.parametrize("lie", [lying.entry_by_entry, lying.page_by_page])
def test_a_read_has_an_end_also_while_answers_come(lie: Lie) -> None:
    message = lied_to(lie, timeout=desired.Timeout(connect=2, read=1, total=2))
    assert "did not end within 2 s, the time for the whole read (timeout.total)" in message
    assert "or raise timeout.total" in message


def test_the_time_for_the_whole_read_holds_for_all_attempts(server: Slapd) -> None:
    """A server that is silent at each attempt, and one that would do better, but comes too late."""
    timeout = desired.Timeout(connect=5, read=5, total=1)
    with lying.lying(lying.nothing) as first:
        message = refused(source(first, server.url, timeout=timeout))
    assert "the time for the whole read (timeout.total)" in message


@pytest.mark.parametrize("what", [True, False], ids=["read", "find"])
def test_each_read_has_the_whole_time(server: Slapd, what: bool) -> None:
    directory = LdapDirectory(
        source(server.url, timeout=desired.Timeout(total=1.5), limits=_limits(entries=30))
    )
    for _ in range(3):
        if what:
            assert len(directory.read(EVERYTHING).persons) == 10
        else:
            assert directory.find([], [SUFFIX]) == {SUFFIX}
        time.sleep(0.6)
    directory.close()


def _limits(**changes: int) -> desired.ReadLimits:
    return desired.ReadLimits(**changes)


@pytest.mark.parametrize(
    ("greets", "mode", "said"),
    [
        (
            lying.silent,
            "none",
            "the connection broke during the bind: no answer within 1 s (timeout.connect)",
        ),
        (
            lying.drips_ldap,
            "none",
            "the connection broke during the bind: no answer within 1 s (timeout.connect)",
        ),
        (
            lying.never_answers_but_talks,
            "none",
            "the answer to the bind is not LDAP: message 1 (operation 0x79)",
        ),
        (
            lying.announces_two_gigabytes,
            "none",
            "the answer to the bind is not LDAP: a message of 2147483646 bytes",
        ),
        (
            lying.lets_everybody_in_without_a_code,
            "none",
            "the answer to the bind is not LDAP: a result code of",
        ),
        (
            lying.answers_searches_with_the_bind,
            "none",
            "the server sends more than it was asked for",
        ),
        (
            lying.silent,
            "starttls",
            "StartTLS failed: no answer within 1 s (timeout.connect); nothing was sent",
        ),
        (lying.drips_ldap, "starttls", "StartTLS failed: no answer within 1 s (timeout.connect)"),
        (
            lying.never_answers_but_talks,
            "starttls",
            "StartTLS failed: the answer is not LDAP: message 1",
        ),
        (
            lying.announces_two_gigabytes,
            "starttls",
            "StartTLS failed: the answer is not LDAP: a message of 2147483646",
        ),
        (
            lying.silent_after_start_tls,
            "starttls",
            "TLS failed: no answer within 1 s (timeout.connect)",
        ),
        (
            lying.drips_after_start_tls,
            "starttls",
            "TLS failed: no answer within 1 s (timeout.connect)",
        ),
        (
            lying.injects_behind_start_tls,
            "starttls",
            "StartTLS failed: more data followed the answer in clear text",
        ),
        (lying.injects_after_start_tls, "starttls", "TLS failed: "),
        (
            lying.injects_before_start_tls,
            "starttls",
            "StartTLS failed: the answer is not LDAP: message 2",
        ),
        (lying.silent, "ldaps", "TLS failed: no answer within 1 s (timeout.connect)"),
        (lying.drips_tls, "ldaps", "TLS failed: no answer within 1 s (timeout.connect)"),
    ],
)
def test_no_step_of_connecting_takes_longer_than_all_of_them_may(
    greets: types.FunctionType, mode: str, said: str, server: Slapd
) -> None:
    timeout = desired.Timeout(connect=1, read=60)
    settings = source(timeout=timeout, tls=desired.Tls(mode=mode, verify="none"))
    begun = time.monotonic()
    with greeting(greets, "ldaps" if mode == "ldaps" else "ldap") as url:
        message = refused(msgspec.structs.replace(settings, servers=(url,)))
        assert f"{url}: {said}" in message
        if mode == "none":
            assert count(msgspec.structs.replace(settings, servers=(url, server.url))) == 10
    assert time.monotonic() - begun < LONGEST


def test_a_name_that_is_resolved_too_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: time.sleep(20))
    begun = time.monotonic()
    message = refused(source("ldap://ldap.example.com", timeout=desired.Timeout(connect=0.5)))
    assert (
        "the host name ldap.example.com cannot be resolved: no answer within 0.5 s (timeout.connect)"
        in message
    )
    assert time.monotonic() - begun < LONGEST


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(
    server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(0, 0, 0, "", ("127.0.0.9", 0)), (0, 0, 0, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    def slow(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "127.0.0.9":
            time.sleep(timeout)
            raise TimeoutError
        connected = socket.socket()
        connected.connect(address)
        return connected

    monkeypatch.setattr(socket, "create_connection", slow)
    assert count(source(server.url, timeout=desired.Timeout(connect=2))) == 10


COMMANDING = frozenset("\x1b\r\u202e")


@pytest.mark.parametrize(
    "lie",
    [
        lying.says_what_commands_a_terminal,
        lying.refers_to_what_commands_a_terminal,
        lying.names_what_commands_a_terminal,
        lying.ends_with_what_commands_a_terminal,
        lying.is_nowhere_near_what_commands_a_terminal,
    ],
)
def test_what_a_server_says_is_one_short_piece_of_a_line(
    lie: Lie, caplog: pytest.LogCaptureFixture
) -> None:
    message = lied_to(lie)
    for text in (message, caplog.text):
        assert not COMMANDING & set(text)
        assert not any(line.startswith("Done: ") for line in text.splitlines())
        assert "A" * 400 not in text
    assert "bye" in message
    assert len(message) < 4000
