"""A server that lies: it answers with what no directory holds, without end, too slowly, or not at all.

Each mode is a function of this module: it is called with the connection and the number of the first
search for more than one entry, and has said all it says when it returns. The look at a base entry,
which comes before, is answered.
"""

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from tests.servers import ber
from tests.servers.proxy import listening
from tests.servers.slapd import SUFFIX

Lie: TypeAlias = Callable[["Talk", int], None]


def person(number: int, name: str = "", **more: list[str | bytes]) -> bytes:
    attributes: dict[str, list[str | bytes]] = {
        "objectClass": ["inetOrgPerson"],
        "uid": [f"p{number}"],
        "cn": [f"Person {number}"],
        "sn": ["P"],
        "entryUUID": [f"00000000-0000-0000-0000-{number:012d}"],
    }
    return ber.entry(name or f"uid=p{number},ou=people,{SUFFIX}", attributes | more)


def page_done(number: int, cookie: bytes = b"", code: int = 0, said: str = "") -> bytes:
    return ber.message(number, ber.result(code=code, said=said), ber.page_control(cookie))


INTERMEDIATE = ber.tlv(0x79)


@dataclass
class Talk:
    """One connection, as a lie sees it."""

    client: socket.socket
    pages: int = 0
    """How many searches for more than one entry were asked."""

    def say(self, number: int, *operations: bytes) -> None:
        self.client.sendall(b"".join(ber.message(number, one) for one in operations))

    def done(self, number: int, cookie: bytes = b"", code: int = 0, said: str = "") -> None:
        self.client.sendall(page_done(number, cookie, code, said))

    def slowly(self, data: bytes, seconds: float = 0.2) -> None:
        """A byte at a time."""
        for byte in data:
            self.client.sendall(bytes([byte]))
            time.sleep(seconds)


def raw_result(code: bytes) -> bytes:
    return ber.tlv(ber.DONE, ber.tlv(0x0A, code), ber.text(""), ber.text(""))


def announced(size: int) -> bytes:
    """The head of an entry of one value of so many bytes, none of which come."""

    def length(value: int) -> bytes:
        return b"\x84" + value.to_bytes(4, "big")

    return b"\x30" + length(size)


def endless(talk: Talk, number: int) -> None:
    for first in itertools.count(0, 100):
        talk.say(number, *map(person, range(first, first + 100)))


def endless_pages(talk: Talk, number: int) -> None:
    page = [person(talk.pages * 100 + one) for one in range(100)]
    talk.client.sendall(
        b"".join(ber.message(number, one) for one in page) + page_done(number, b"%d" % talk.pages)
    )


def empty_pages(talk: Talk, number: int) -> None:
    talk.done(number, b"%d" % talk.pages)


def same_page(talk: Talk, number: int) -> None:
    talk.say(number, *map(person, range(100)))
    talk.done(number, b"same")


def pages_in_turn(talk: Talk, number: int) -> None:
    talk.say(number, person(talk.pages % 3))
    talk.done(number, b"%d" % talk.pages)


def same_id(talk: Talk, number: int) -> None:
    talk.say(
        number,
        *(person(1, f"uid=p{one},ou=people,{SUFFIX}") for one in range(talk.pages, talk.pages + 2)),
    )
    talk.done(number, b"more")


def same_name(talk: Talk, number: int) -> None:
    talk.say(number, *(person(one, entryUUID=[]) for one in (talk.pages, 0)))
    talk.done(number, b"more")


def references(talk: Talk, number: int) -> None:
    while True:
        talk.say(number, *[ber.reference("ldap://x/ou=away,dc=example,dc=com")] * 500)


def intermediate(talk: Talk, number: int) -> None:
    while True:
        talk.say(number, *[INTERMEDIATE] * 500)


def intermediate_slowly(talk: Talk, number: int) -> None:
    while True:
        talk.say(number, INTERMEDIATE)
        time.sleep(0.2)


def unsolicited_slowly(talk: Talk, number: int) -> None:
    del number
    while True:
        talk.say(0, INTERMEDIATE)
        time.sleep(0.2)


def byte_by_byte(talk: Talk, number: int) -> None:
    talk.slowly(ber.message(number, person(1)))


def entry_by_entry(talk: Talk, number: int) -> None:
    for one in itertools.count():
        talk.say(number, person(one))
        time.sleep(0.2)


def page_by_page(talk: Talk, number: int) -> None:
    time.sleep(0.2)
    talk.say(number, person(talk.pages))
    talk.done(number, b"%d" % talk.pages)


def nothing(talk: Talk, number: int) -> None:
    del number
    silent(talk.client)


def two_gigabytes(talk: Talk, number: int) -> None:
    del number
    talk.client.sendall(announced(2**31 - 8))
    while True:
        talk.client.sendall(b"A" * 2**20)


def many_values(talk: Talk, number: int) -> None:
    values = ber.tlv(0x30, ber.text("description"), ber.tlv(0x31, b"\x04\x00" * 2_100_000))
    talk.say(number, ber.tlv(ber.ENTRY, ber.text(f"uid=p1,{SUFFIX}"), ber.tlv(0x30, values)))
    talk.done(number)


def many_names(talk: Talk, number: int) -> None:
    talk.say(number, ber.entry(f"uid=p1,{SUFFIX}", {f"a{one}": ["v"] for one in range(100_000)}))
    talk.done(number)


def some_more_names(talk: Talk, number: int) -> None:
    talk.say(number, ber.entry(f"uid=p1,{SUFFIX}", {f"a{one}": ["v"] for one in range(1_100)}))
    talk.done(number)


def huge_cookie(talk: Talk, number: int) -> None:
    talk.say(number, person(talk.pages))
    talk.done(number, b"C" * 1_000_000)


def outside(talk: Talk, number: int) -> None:
    talk.say(number, person(1, "uid=p1,ou=people,dc=other,dc=org"), person(2))
    talk.done(number)


def outside_behind_a_backslash(talk: Talk, number: int) -> None:
    talk.say(number, person(1, f"uid=p1\\,{SUFFIX}"))
    talk.done(number)


def for_another(talk: Talk, number: int) -> None:
    talk.say(number + 7, person(1))
    talk.say(number, person(2))
    talk.done(number)


def ahead(talk: Talk, number: int) -> None:
    talk.say(number, person(1))
    talk.done(number)
    talk.say(number + 1, person(2))
    talk.done(number + 1)


def twice(talk: Talk, number: int) -> None:
    talk.say(number, person(1))
    talk.done(number)
    talk.done(number)


def empty_code(talk: Talk, number: int) -> None:
    talk.say(number, person(1), raw_result(b""))


def negative_code(talk: Talk, number: int) -> None:
    talk.say(number, person(1), raw_result(b"\x80"))


def large_code(talk: Talk, number: int) -> None:
    talk.say(number, person(1), raw_result(b"\x01" + bytes(8)))


def large_known_code(talk: Talk, number: int) -> None:
    talk.say(number, raw_result(b"\x7f\xff\xff\xff"))


def says_what_commands_a_terminal(talk: Talk, number: int) -> None:
    talk.done(number, code=53, said=EVIL)


def refers_to_what_commands_a_terminal(talk: Talk, number: int) -> None:
    talk.say(number, ber.reference(f"ldap://x/{EVIL}", *[f"ldap://x{one}/" for one in range(1000)]))
    talk.done(number)


def names_what_commands_a_terminal(talk: Talk, number: int) -> None:
    talk.say(
        number,
        person(1, f"uid={EVIL},{SUFFIX}", entryUUID=["1"]),
        person(2, f"uid=x,{SUFFIX}", entryUUID=["1"]),
    )
    talk.done(number)


def ends_with_what_commands_a_terminal(talk: Talk, number: int) -> None:
    del number
    notice = ber.tlv(ber.EXTENDED_RESPONSE, ber.number(52, 0x0A), ber.text(EVIL), ber.text(EVIL))
    talk.say(0, notice)


def is_nowhere_near_what_commands_a_terminal(talk: Talk, number: int) -> None:
    talk.say(number, ber.result(code=32, matched=EVIL, said=EVIL))


EVIL = "bye\x1b[2J\r\nDone: 22 applied, 0 failed, 0 skipped.\n\u202e" + "A" * 5000
"""What would clear the screen, pass for a line of ours, and fill a page."""


@contextmanager
def lying(lie: Lie) -> Iterator[str]:
    """The URL of a server that lets everybody in, and lies to the first search for more than one entry."""

    def serve(client: socket.socket) -> None:
        talk = Talk(client)
        with client, suppress(OSError):
            for number, operation, message in asked(client):
                if operation == ber.BIND:
                    talk.say(number, ber.result(ber.BIND_RESPONSE))
                elif operation == ber.SEARCH and is_base(message):
                    talk.say(number, ber.entry(SUFFIX, {}), ber.result())
                elif operation == ber.SEARCH:
                    talk.pages += 1
                    lie(talk, number)
                elif operation == ber.UNBIND:
                    return

    with ended_with(serve) as port:
        yield f"ldap://127.0.0.1:{port}"


def asked(client: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """Number, operation and bytes of each request."""
    pending = b""
    while data := client.recv(65536):
        pending += data
        while length := ber.complete(pending):
            message, pending = pending[:length], pending[length:]
            yield *ber.taken_apart(message), message


def is_base(message: bytes) -> bool:
    """Whether a search is for the base alone."""
    position = 2 + max(message[1] - 0x80, 0)  # behind the head of the message
    position += 2 + message[position + 1]  # its number
    position += 2 + max(message[position + 1] - 0x80, 0)  # the head of the search
    position += 2 + message[position + 1]  # its base
    return message[position + 2] == 0


@contextmanager
def ended_with(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections are cut at the end: no thread of a lie outlives its test."""
    clients: list[socket.socket] = []

    def remembered(client: socket.socket) -> None:
        clients.append(client)
        with client, suppress(OSError):
            serve(client)

    with listening(remembered) as port:
        try:
            yield port
        finally:
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)


def silent(client: socket.socket) -> None:
    """Takes the connection, and says nothing."""
    while client.recv(65536):
        pass


def silent_after_start_tls(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    client.sendall(ber.message(number, ber.result(ber.EXTENDED_RESPONSE)))
    silent(client)


def drips_after_start_tls(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    client.sendall(ber.message(number, ber.result(ber.EXTENDED_RESPONSE)))
    client.recv(65536)  # the client's half of the handshake
    drips_tls(client)


def drips_tls(client: socket.socket) -> None:
    Talk(client).slowly(b"\x16\x03\x03\x40\x00" + b"\x02" * 1000)


def drips_ldap(client: socket.socket) -> None:
    number, operation, _ = next(asked(client))
    kind = ber.BIND_RESPONSE if operation == ber.BIND else ber.EXTENDED_RESPONSE
    Talk(client).slowly(ber.message(number, ber.result(kind, said="x" * 500)))


def never_answers_but_talks(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    while True:
        client.sendall(ber.message(number, INTERMEDIATE))
        time.sleep(0.2)


def announces_two_gigabytes(client: socket.socket) -> None:
    next(asked(client))
    client.sendall(announced(2**31 - 8))
    while True:
        client.sendall(b"A" * 2**20)


def injects_behind_start_tls(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    bound = b"".join(
        ber.message(number + one, ber.result(ber.BIND_RESPONSE)) for one in range(1, 4)
    )
    client.sendall(ber.message(number, ber.result(ber.EXTENDED_RESPONSE)) + bound)
    silent(client)


def injects_after_start_tls(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    client.sendall(ber.message(number, ber.result(ber.EXTENDED_RESPONSE)))
    time.sleep(0.1)
    client.sendall(ber.message(number + 1, ber.result(ber.BIND_RESPONSE)))
    silent(client)


def injects_before_start_tls(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    client.sendall(
        ber.message(number + 1, ber.result(ber.BIND_RESPONSE))
        + ber.message(number, ber.result(ber.EXTENDED_RESPONSE))
    )
    silent(client)


def answers_searches_with_the_bind(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    done = [ber.message(number + one, ber.result(), ber.page_control(b"")) for one in range(1, 12)]
    client.sendall(ber.message(number, ber.result(ber.BIND_RESPONSE)) + b"".join(done))
    silent(client)


def lets_everybody_in_without_a_code(client: socket.socket) -> None:
    number, _, _ = next(asked(client))
    nobody = ber.tlv(ber.BIND_RESPONSE, b"\x0a\x00", ber.text(""), ber.text(""))
    client.sendall(ber.message(number, nobody))
    silent(client)


@contextmanager
def greeting(serve: Callable[[socket.socket], None], scheme: str = "ldap") -> Iterator[str]:
    """The URL of a server that behaves so from the first byte on."""
    with ended_with(serve) as port:
        yield f"{scheme}://127.0.0.1:{port}"
