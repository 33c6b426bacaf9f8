"""Commands against servers that lie: exit code 7, nothing written, and a signal ends every wait."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.scenarios.shell import RECONCILE
from tests.servers import ber, lying
from tests.servers.forking import Execute
from tests.servers.lying import Lie, Talk, ended_with, greeting, page_done, person
from tests.servers.proxy import HOSTILE, proxy
from tests.servers.reading import read
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd
from tests.servers.sources import source

pytestmark = pytest.mark.server

TIMEOUT = {"connect": "2s", "read": "1s", "total": "20s"}


@pytest.fixture
def site(tmp_path: Path, quick: Execute, server: Slapd) -> Site:
    """Ten users from a server that tells the truth."""
    made = Site(tmp_path, execute=quick)
    made.desired(server.url)
    made.run("apply", "--yes")
    return made


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lying.endless_pages, "limits.entries"),
        (lying.same_page, "the same page again"),
        (lying.two_gigabytes, "limits.entry_size"),
        (lying.outside, "which is outside the search"),
        (lying.empty_code, "a result code of the bytes (none)"),
        (lying.intermediate_slowly, "no answer within 1 s (timeout.read)"),
        (lying.says_what_commands_a_terminal, "the server says: bye\\x1b[2J\\r\\nDone: 22 applied"),
    ],
)
def test_a_lie_changes_nothing(site: Site, lie: Lie, said: str) -> None:
    with lying.lying(lie) as url:
        site.desired(url, timeout=TIMEOUT, limits={"entries": 1000}, page_size=100)
        site.refuses(said, "Nothing that was read is used")
        _, err = site.run("plan", "-v", "--log-format", "json", code=7)
    assert "fault of reconcile" not in err
    assert not any(line.startswith("Done:") for line in err.splitlines())


@pytest.mark.parametrize(
    ("greets", "tls"),
    [
        (lying.silent, {"mode": "none"}),
        (lying.silent, {"mode": "starttls", "verify": "none"}),
        (lying.silent_after_start_tls, {"mode": "starttls", "verify": "none"}),
        (lying.silent, {"mode": "ldaps", "verify": "none"}),
    ],
)
def test_a_signal_ends_every_wait(
    tmp_path: Path,
    greets: Callable[[socket.socket], None],
    tls: dict[str, str],
) -> None:
    connected: list[socket.socket] = []

    def remembered(client: socket.socket) -> None:
        connected.append(client)
        greets(client)

    with greeting(remembered, "ldaps" if tls["mode"] == "ldaps" else "ldap") as url:
        site = Site(tmp_path)
        site.desired(url, tls=tls, timeout={"connect": "10m", "read": "10m"})
        environment = os.environ | {"CORP_PASSWORD": "x"}
        process = subprocess.Popen(
            [*RECONCILE, "apply", "--yes"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not connected:
            time.sleep(0.05)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert time.monotonic() - begun < 8
    assert "nothing was written to the platform" in err


@pytest.mark.parametrize("then", HOSTILE)
def test_a_real_server_behind_a_hostile_way(secure: Slapd, then: str) -> None:
    """In the middle of the handshake, of the bind, and of the encrypted pages."""
    timeout = desired.Timeout(connect=1, read=0.5)
    for count in (10, 500, 2000):
        with proxy(secure.port, after_bytes=count, then=HOSTILE[then]) as between:
            tls = desired.Tls(verify="none")
            begun = time.monotonic()
            with pytest.raises(SourceUnreadable) as caught:
                read(source(between.url, tls=tls, timeout=timeout))
            assert time.monotonic() - begun < 15
        assert caught.value.exit_code == 7
        assert any(word in str(caught.value) for word in ("broke", "TLS", "no answer within"))


ROUNDS = 300


def _answer(number: int) -> bytes:
    entries = [
        person(one, description=["x" * 200], mail=[f"p{one}@example.com"]) for one in range(3)
    ]
    messages = [ber.message(number, one) for one in (*entries, ber.reference("ldap://x/dc=away"))]
    return b"".join(messages) + page_done(number)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three bytes changed, left out or put in."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(made))
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                made[at] ^= 1 << chance.randrange(8)
            case 2:
                del made[at : at + chance.randint(1, 4)]
            case _:
                made[at:at] = chance.randbytes(chance.randint(1, 4))
    return bytes(made)


def test_whatever_comes_is_an_answer_or_refused() -> None:
    """Seeded: what is found once is found again. The connection ends behind each answer, so that nothing waits."""
    chance = random.Random(20261129)
    outcomes = {"read": 0, "refused": 0}

    def garble(client: socket.socket) -> None:
        for number, operation, message in lying.asked(client):
            if operation == ber.BIND:
                Talk(client).say(number, ber.result(ber.BIND_RESPONSE))
            elif operation == ber.SEARCH and lying.is_base(message):
                Talk(client).say(number, ber.entry(SUFFIX, {}), ber.result())
            else:
                client.sendall(_mutated(_answer(number), chance))
                return

    settings = source(
        page_size=100, timeout=desired.Timeout(connect=5, read=5), ignore_referrals=("dc=away",)
    )
    with ended_with(garble) as port:
        for _ in range(ROUNDS):
            why = _refusal(_with_server(settings, port))
            assert not why or why.startswith(f"ldap://127.0.0.1:{port}: ")
            outcomes["refused" if why else "read"] += 1
    assert min(outcomes.values()) > ROUNDS // 20, outcomes


def test_whatever_comes_as_answer_to_the_bind() -> None:
    chance = random.Random(20261130)

    def garble(client: socket.socket) -> None:
        number, operation, _ = next(lying.asked(client))
        kind = ber.BIND_RESPONSE if operation == ber.BIND else ber.EXTENDED_RESPONSE
        client.sendall(_mutated(ber.message(number, ber.result(kind, code=53, said="no")), chance))

    with ended_with(garble) as port:
        for number in range(ROUNDS // 3):
            tls = desired.Tls(mode=("none", "starttls")[number % 2], verify="none")
            with pytest.raises(SourceUnreadable) as caught:
                read(
                    _with_server(source(tls=tls, timeout=desired.Timeout(connect=5, read=5)), port)
                )
            assert caught.value.exit_code == 7


def _refusal(settings: desired.Source) -> str:
    """Why a read is refused; "" where it is not. Whatever else is raised is a fault."""
    try:
        read(settings)
    except SourceUnreadable as error:
        return str(error)
    return ""


def _with_server(settings: desired.Source, port: int) -> desired.Source:
    return msgspec.structs.replace(settings, servers=(f"ldap://127.0.0.1:{port}",))
