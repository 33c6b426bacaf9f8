"""A read that is limited, cut, refused or garbled: complete, or an error that says where, what and what to do."""

from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model import desired
from reconcile.model.login import LoginNames
from tests.servers import ber
from tests.servers.proxy import Proxy, proxy
from tests.servers.reading import read, refused
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, free_port, slapd
from tests.servers.sources import PEOPLE, PERSONS, Known, ldif, people, source
from tests.servers.stand_in import BASE, ended, stand_in, success

pytestmark = pytest.mark.server


def test_a_size_limit_in_the_middle(tmp_path: Path) -> None:
    lines = [
        "sizelimit 5",
        'limits dn.exact="uid=p0,ou=people,dc=example,dc=com" size.soft=5 size.hard=5 size.prtotal=5',
    ]
    entries = people(10)
    entries[f"uid=p0,{PEOPLE}"]["userPassword"] = [PASSWORD]
    with slapd(tmp_path / "slapd", ldif(entries), lines=lines) as running:
        bind = msgspec.structs.replace(source().bind, dn=f"uid=p0,{PEOPLE}")
        message = refused(source(running.url, bind=bind))
    assert running.url in message
    assert f"base {SUFFIX}, scope subtree, filter (objectClass=inetOrgPerson)" in message
    assert "result 4 (sizeLimitExceeded)" in message
    assert "after 4 entries" in message or "after 5 entries" in message
    assert (
        f"Ask for a larger size limit for uid=p0,{PEOPLE}, over all pages; whole pages came"
        in message
    )
    assert "a page_size below 2 is no help" in message


@pytest.mark.parametrize(
    ("limit", "page_size", "said", "remedy"),
    [
        (
            "size.soft=5 size.hard=5",
            0,
            "sizeLimitExceeded",
            "{0}, or set page_size, for example to 500.",
        ),
        (
            "size.soft=5 size.hard=unlimited",
            0,
            "sizeLimitExceeded",
            "{0}, or set page_size, for example to 500.",
        ),
        ("size.soft=5 size.hard=5", 500, "sizeLimitExceeded", "{0}, or set page_size below 500."),
        (
            "size=unlimited size.prtotal=8",
            4,
            "sizeLimitExceeded",
            "{0}, over all pages; whole pages came",
        ),
        ("size=unlimited size.pr=6", 7, "illegal pagedResults page size", "Set page_size below 7"),
        (
            "size=unlimited size.prtotal=disabled",
            7,
            "control not allowed",
            "set page_size to 0, or ask for the right",
        ),
        (
            "size=unlimited size.unchecked=3",
            7,
            "adminLimitExceeded",
            "size.unchecked, 389 Directory Server",
        ),
    ],
)
def test_each_limit_of_openldap_has_its_own_remedy(
    tmp_path: Path, limit: str, page_size: int, said: str, remedy: str
) -> None:
    entries, reader = people(10), f"uid=p0,{PEOPLE}"
    entries[reader]["userPassword"] = [PASSWORD]
    lines = [f'limits dn.exact="{reader}" {limit}', "sizelimit unlimited"]
    with slapd(tmp_path / "slapd", ldif(entries), lines=lines) as running:
        users = desired.Users(fields={}, filter="(cn=*)")
        settings = source(
            running.url,
            bind=desired.Bind(reader, Known(PASSWORD)),
            page_size=page_size,
            users=users,
        )
        message = refused(settings)
    assert said in message
    assert remedy.format(f"Ask for a larger size limit for {reader}") in message


def test_a_time_limit_on_the_second_page() -> None:
    person = ber.entry(f"uid=p0,{PEOPLE}", {"uid": ["p0"]})
    answers = [
        success(BASE),
        success(person, controls=ber.page_control(b"next")),
        ended(3, "too slow"),
    ]
    with stand_in(answers) as url:
        message = refused(source(url))
    assert "result 3 (timeLimitExceeded), the server says: too slow, after 1 entries" in message
    assert "larger time limit" in message


def test_the_connection_is_cut_between_two_pages(server: Slapd) -> None:
    with proxy(server.port, after_dones=2) as cutter:
        message = refused(source(cutter.url))
        assert cutter.connections == 3
    assert (
        f"{cutter.url}: the connection broke in the middle of the search (base {SUFFIX}" in message
    )
    assert "after 2 entries" in message
    assert "Nothing that was read is used" in message


@pytest.mark.parametrize("count", [20, 300, 700])
def test_the_connection_is_cut_in_the_middle_of_a_message(server: Slapd, count: int) -> None:
    with proxy(server.port, after_bytes=count) as cutter:
        message = refused(source(cutter.url, page_size=500))
    assert "the connection broke" in message


def test_the_server_is_killed_between_two_pages(tmp_path: Path) -> None:
    with (
        slapd(tmp_path / "slapd", ldif(people(10))) as running,
        proxy(running.port, after_dones=2, then=lambda _: running.kill()) as between,
    ):
        message = refused(source(between.url))
    assert "the connection broke in the middle of the search" in message


def test_a_read_that_breaks_off_starts_again_on_the_next_server(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy(server.port, after_dones=3) as cutter:
        snapshot = read(source(cutter.url, server.url))
    assert len(snapshot.persons) == 10
    assert "Everything is read again from another server" in caplog.text


def test_a_read_that_breaks_off_twice_is_refused_with_both_reasons(server: Slapd) -> None:
    with proxy(server.port, after_dones=2) as first, proxy(server.port, after_dones=3) as second:
        message = refused(source(first.url, second.url))
        assert (first.connections, second.connections) == (3, 3)
    assert f"{first.url}: the connection broke" in message
    assert f"{second.url}: the connection broke" in message
    assert "after 2 entries" in message
    assert "after 4 entries" in message
    assert "after 6 attempts, each of them from the start" in message


def test_a_server_that_recovers_is_read_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    one, two = (ber.entry(f"uid=p{number},{PEOPLE}", {"uid": [f"p{number}"]}) for number in (1, 2))
    first = success(one, controls=ber.page_control(b"more"))
    answers = [
        success(BASE),
        first,
        ended(51, "busy"),
        success(BASE),
        success(two, controls=ber.page_control(b"")),
    ]
    with stand_in(answers, goes_on=True) as url:
        assert [person.identifier for person in read(source(url)).persons] == ["p2"]
    assert "Everything is read again from the same server" in caplog.text


@pytest.mark.parametrize(
    ("code", "said"), [(12, "00002040: SvcErr"), (53, "paged results cookie is invalid")]
)
def test_a_server_that_loses_its_place_between_pages_is_read_from_the_start(
    code: int, said: str
) -> None:
    one, two = (ber.entry(f"uid=p{number},{PEOPLE}", {"uid": [f"p{number}"]}) for number in (1, 2))
    lost = [success(BASE), success(one, controls=ber.page_control(b"place")), ended(code, said)]
    with stand_in(
        [*lost, success(BASE), success(two, controls=ber.page_control(b""))], goes_on=True
    ) as url:
        assert [person.identifier for person in read(source(url)).persons] == ["p2"]
    with stand_in(lost) as url:
        message = refused(source(url))
    assert "The server lost its place between two pages" in message
    assert "after 3 attempts" in message
    with stand_in([success(BASE), ended(12, "no")]) as url:
        assert "after 3 attempts" not in refused(source(url)), "it never paged"


def test_a_refusal_after_a_break_ends_it(server: Slapd) -> None:
    answers = [success(BASE), ended(51, "busy"), success(BASE), ended(4)]
    with stand_in(answers, goes_on=True) as url, proxy(server.port) as other:
        message = refused(source(url, other.url))
        assert other.connections == 0
    assert "result 4 (sizeLimitExceeded)" in message
    assert "after 2 attempts" in message


def test_a_server_that_shuts_this_reader_out_in_between_is_not_asked_again(server: Slapd) -> None:
    binds = [ber.result(ber.BIND_RESPONSE), ber.result(ber.BIND_RESPONSE, 49)]
    with (
        stand_in([success(BASE), ended(52)], binds=binds, goes_on=True) as url,
        proxy(server.port) as other,
    ):
        assert "result 49 (invalidCredentials)" in refused(source(url, other.url))
        assert other.connections == 0


def test_a_refusal_is_not_tried_again_elsewhere(server: Slapd) -> None:
    with stand_in([success(BASE), ended(4)]) as url, proxy(server.port) as other:
        assert "sizeLimitExceeded" in refused(source(url, other.url))
        assert other.connections == 0


def test_an_overloaded_server_is_left_for_the_next_one(server: Slapd) -> None:
    with stand_in([ended(51, "come back later")]) as url:
        assert len(read(source(url, server.url)).persons) == 10
        message = refused(source(url))
    assert "result 51 (busy), the server says: come back later" in message
    assert "try again later" in message


def test_a_server_that_says_nothing(server: Slapd) -> None:
    with proxy(server.port, after_dones=2, then=Proxy.hang) as silent:
        message = refused(source(silent.url, timeout=desired.Timeout(connect=5, read=0.3)))
    assert "no answer within 0.3 s (timeout.read)" in message


def test_a_server_that_ends_the_connection_itself() -> None:
    notice = ber.tlv(
        ber.EXTENDED_RESPONSE, ber.number(52, 0x0A), ber.text(""), ber.text("shutting down")
    )
    with stand_in([success(BASE), lambda _: ber.message(0, notice)]) as url:
        message = refused(source(url, timeout=desired.Timeout(connect=5, read=0.5)))
    assert "the connection broke in the middle" in message
    assert (
        "the server ended the connection: result 52 (unavailable), the server says: shutting down"
        in message
    )


def test_a_base_that_does_not_exist(server: Slapd) -> None:
    users = desired.Users(fields={}, base="ou=staff,ou=people")
    message = refused(source(server.url, users=users))
    assert f"{server.url}: the base DN ou=staff,ou=people,{SUFFIX} does not exist" in message
    assert f"the nearest entry above it is {PEOPLE}" in message
    assert "result 32 (noSuchObject)" in message


def test_a_directory_that_hides_everything(tmp_path: Path) -> None:
    with slapd(tmp_path / "slapd", ldif(people(3)), lines=["access to * by * none"]) as running:
        message = refused(source(running.url, bind=desired.Bind(anonymous=True)))
    assert f"the base DN {SUFFIX} does not exist, or an anonymous reader may not see it" in message


def test_success_without_entries_is_not_an_empty_directory() -> None:
    with stand_in([success()]) as url:
        message = refused(source(url))
    assert f"{url}: the base DN {SUFFIX} cannot be seen" in message
    assert "Ask for the right to read it" in message


def test_an_empty_directory_is_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And what is known of why is told: a wrong filter, or a place where the reader sees nothing."""
    blind = [
        f'access to dn.exact="{PEOPLE}" by * read',
        f'access to dn.subtree="{PEOPLE}" by * none',
    ]
    lines = [*blind, "access to * by * read"]
    with slapd(tmp_path / "slapd", ldif(people(3)), lines=lines) as running:
        nobody = desired.Bind(anonymous=True)
        for users, why in (
            (
                desired.Users(fields={}, filter="(sn=nobody)"),
                f"1 entries are visible below {SUFFIX}, none of them matches (sn=nobody): is the filter right?",
            ),
            (
                desired.Users(fields={}, base="ou=people"),
                f"nothing is visible below {PEOPLE}: it is empty, or the right to read it is missing",
            ),
        ):
            caplog.clear()
            directory = LdapDirectory(source(running.url, bind=nobody, users=users))
            assert directory.read(PERSONS).persons == ()
            assert f"corp: no person is found: {why}" in caplog.text
            details = {check.what: check.detail for check in directory.check()}
            assert details["persons"].startswith("0 found below")
            assert details["persons"].endswith(why)
            caplog.clear()
            assert (
                directory.read_person(LoginNames(typed="x", identifiers=("x",)), PERSONS).persons
                == ()
            )
            assert "no person is found" not in caplog.text, (
                "nobody is looked for by somebody's name alone"
            )
            directory.close()


def test_insufficient_access(tmp_path: Path) -> None:
    lines = [
        f'access to dn.exact="{SUFFIX}" by * read',
        "access to * by anonymous auth by * disclose",
    ]
    entries = people(3)
    with slapd(tmp_path / "slapd", ldif(entries), lines=lines) as running:
        users = desired.Users(fields={}, base="ou=people")
        message = refused(source(running.url, bind=desired.Bind(anonymous=True), users=users))
    assert (
        f"the search (base {PEOPLE}, scope base, filter (objectClass=*)) was not answered completely"
        in message
    )
    assert "result 50 (insufficientAccessRights)" in message
    assert "Ask for the right to read these entries for an anonymous reader" in message


def test_a_part_of_the_tree_on_another_server(tmp_path: Path) -> None:
    elsewhere = {
        f"ou=branch,{SUFFIX}": {
            "objectClass": ["referral", "extensibleObject"],
            "ou": ["branch"],
            "ref": [f"ldap://branch.example.com/ou=branch,{SUFFIX}"],
        }
    }
    with slapd(tmp_path / "slapd", ldif(people(3) | elsewhere)) as running:
        message = refused(source(running.url))
        assert refused(source(running.url, ignore_referrals=(f"ou=other,{SUFFIX}",)))
        settings = source(running.url, ignore_referrals=(f"OU = Branch, {SUFFIX}",))
        persons = read(settings).persons
        directory = LdapDirectory(settings)
        assert directory.find([persons[0].external_id], [persons[1].dn]) == {
            persons[0].external_id,
            persons[1].dn,
        }
        directory.close()
    assert len(persons) == 3
    assert "a part of the tree is on another server: ldap://branch.example.com/" in message
    assert f"set ignore_referrals: ['ou=branch,{SUFFIX}']" in message


def test_a_base_on_another_server(tmp_path: Path) -> None:
    with slapd(
        tmp_path / "slapd", ldif(people(1)), first_lines=["referral ldap://root.example.com"]
    ) as running:
        message = refused(source(running.url, base_dn="dc=example,dc=org", bind=source().bind))
    assert "result 10 (referral)" in message
    assert "ldap://root.example.com" in message


def test_a_server_that_does_not_page() -> None:
    person = ber.entry(f"uid=p0,{PEOPLE}", {"uid": ["p0"]})
    with stand_in([success(BASE), success(person)]) as url:
        message = refused(source(url))
    assert "the server does not answer the request for pages" in message
    assert "page_size to 0" in message
    with stand_in([success(BASE), ended(12, "no")]) as url:
        assert "result 12 (unavailableCriticalExtension)" in refused(source(url))
    with stand_in([success(BASE), success(person)]) as url:
        assert len(read(source(url, page_size=0)).persons) == 1
    with stand_in([success(BASE), ended(4)]) as url:
        assert "or set page_size, for example to 500" in refused(source(url, page_size=0))


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x80\x00\x00",
        ber.message(1, ber.tlv(ber.ENTRY, b"\x04\x7f")),
        ber.message(1, ber.tlv(0x61)),
        ber.tlv(0x30, b"\x02"),
    ],
)
def test_an_answer_that_is_not_ldap(garbage: bytes) -> None:
    with stand_in([success(BASE), lambda _: garbage + bytes(100)]) as url:
        message = refused(source(url, timeout=desired.Timeout(connect=5, read=0.5)))
    assert "is not LDAP" in message


NAMED = ber.tlv(0x30, ber.text("uid"), ber.tlv(0x31, ber.text("p0")))
VALUE = ber.tlv(0x31, ber.text("a"))


@pytest.mark.parametrize(
    "attributes",
    [
        [ber.tlv(0x30, ber.text("cn"), b"\x31\x03\x04\x7fa"), NAMED],
        [ber.tlv(0x30, ber.text("cn"), ber.tlv(0x31, ber.text("a"), b"\x04\x7fb")), NAMED],
        [ber.tlv(0x30, b"\x04\x7fcn"), NAMED],
        [NAMED, b"\x30\x7f" + NAMED[2:]],
        [NAMED, ber.tlv(0x30, ber.text("cn"))],
        [NAMED, ber.tlv(0x30, ber.text("cn"), VALUE, ber.text("more"))],
    ],
)
def test_an_entry_that_cannot_be_understood_in_full_is_not_read_in_part(
    attributes: list[bytes],
) -> None:
    torn = ber.tlv(ber.ENTRY, ber.text(f"uid=p0,{PEOPLE}"), ber.tlv(0x30, *attributes))
    with stand_in([success(BASE), success(torn, controls=ber.page_control(b""))]) as url:
        assert "is not LDAP" in refused(source(url))


def test_a_server_that_stops_within_a_message(server: Slapd) -> None:
    with proxy(server.port, after_bytes=300, then=Proxy.hang) as silent:
        message = refused(
            source(silent.url, page_size=500, timeout=desired.Timeout(connect=5, read=0.3))
        )
    assert "no answer within 0.3 s (timeout.read)" in message


def test_an_entry_whose_dn_is_none_is_read_as_it_is() -> None:
    names = (f"Nobody knows,{PEOPLE}", f"nobody knows,{PEOPLE}", f'cn="a"b,{PEOPLE}')
    strange = [ber.entry(name, {"uid": ["p0"]}) for name in names]
    with stand_in([success(BASE), success(*strange, controls=ber.page_control(b""))]) as url:
        persons = read(source(url, page_size=3)).persons
    assert {person.dn for person in persons} == set(names)


def test_an_entry_that_comes_twice_is_no_two_persons() -> None:
    twice = [ber.entry(f"{name},{PEOPLE}", {"uid": ["p0"]}) for name in ("uid=p0", "UID = P0")]
    with stand_in([success(BASE), success(*twice, controls=ber.page_control(b""))]) as url:
        message = refused(source(url))
    assert (
        f"UID = P0,{PEOPLE} and uid=p0,{PEOPLE} have one name, and none has a stable id" in message
    )


def test_an_entry_that_moves_while_it_is_read() -> None:
    twice = [
        ber.entry(f"uid=p0,ou={ou},{SUFFIX}", {"uid": ["p0"], "entryUUID": ["one"]}) for ou in "ab"
    ]
    with stand_in([success(BASE), success(*twice, controls=ber.page_control(b""))]) as url:
        message = refused(source(url))
    assert f"uid=p0,ou=a,{SUFFIX} and uid=p0,ou=b,{SUFFIX} have one stable id, one" in message


def test_all_servers_are_named_when_none_answers() -> None:
    first, second = (f"ldap://127.0.0.1:{free_port()}" for _ in range(2))
    message = refused(source(first, second, "ldap://no-such-host.invalid"))
    assert "no server of the source corp can be used" in message
    assert f"{first}: Connection refused" in message
    assert f"{second}: Connection refused" in message
    assert (
        "ldap://no-such-host.invalid: the host name no-such-host.invalid cannot be resolved"
        in message
    )
