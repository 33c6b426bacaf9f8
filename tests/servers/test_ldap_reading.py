"""What is read, how it is asked for, and how one entry is found."""

import logging
import shlex
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.servers import ber
from tests.servers.certificates import Authority
from tests.servers.reading import read, refused
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, free_port, program, slapd
from tests.servers.sources import EVERYTHING, PEOPLE, PERSONS, Known, ldif, people, source
from tests.servers.stand_in import BASE, ended, stand_in, success

pytestmark = pytest.mark.server


def logged_commands(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    return [message for message in messages if "ldapsearch" in message]


def test_everything_is_read_whatever_the_page_size(server: Slapd) -> None:
    snapshots = [read(source(server.url, page_size=size)) for size in (0, 1, 3, 10, 500)]
    assert [person.identifier for person in snapshots[0].persons] == [
        f"p{number}" for number in range(10)
    ]
    assert all(snapshot == snapshots[0] for snapshot in snapshots)


def test_only_what_is_needed_is_asked_for(server: Slapd) -> None:
    person = read(source(server.url)).persons[0]
    assert set(person.attributes) == {"cn", "sn", "mail", "uid", "entryuuid"}
    assert person.external_id == person.attributes["entryuuid"][0] != ""


def test_progress_is_told(server: Slapd) -> None:
    told: list[tuple[str, int]] = []
    directory = LdapDirectory(
        source(server.url, page_size=4), lambda what, done: told.append((what, done))
    )
    directory.read(PERSONS)
    directory.close()
    assert told == [("corp: persons", 4), ("corp: persons", 8), ("corp: persons", 10)]


def test_close_may_be_called_at_any_time_and_reading_goes_on_after_it(server: Slapd) -> None:
    directory = LdapDirectory(source(server.url))
    directory.close()
    assert len(directory.read(PERSONS).persons) == 10
    directory.close()
    directory.close()
    assert len(directory.read(PERSONS).persons) == 10
    directory.close()


def test_a_group_larger_than_any_buffer(tmp_path: Path) -> None:
    members = [f"uid=somebody-with-a-long-name-{number},{PEOPLE}" for number in range(40_000)]
    entries = people(1) | {
        f"cn=all,{SUFFIX}": {"objectClass": ["groupOfNames"], "cn": ["all"], "member": members}
    }
    with slapd(tmp_path / "slapd", ldif(entries)) as running:
        directory = LdapDirectory(source(running.url))
        group = directory.read(EVERYTHING).groups[0]
        directory.close()
    assert set(group.members) == set(members)
    assert "member" not in group.attributes


def test_groups_beyond_the_rules_are_followed(tmp_path: Path) -> None:
    """In another OU, of another class, in a circle, by place and by login; and nobody twice."""
    teams, other = f"ou=teams,{SUFFIX}", f"ou=other,{SUFFIX}"
    entries = people(6)
    for dn in (teams, other):
        entries[dn] = {"objectClass": ["organizationalUnit"], "ou": [dn[3:].partition(",")[0]]}
    inside = {
        "objectClass": ["inetOrgPerson"],
        "uid": ["inside"],
        "cn": ["Inside"],
        "sn": ["Inside"],
    }
    one, two, three = f"cn=one,{teams}", f"cn=two,{other}", f"cn=three,{other}"
    entries |= {
        one: {"objectClass": ["groupOfNames"], "member": [f"uid=p0,{PEOPLE}", two, "uid=nobody"]},
        two: {
            "objectClass": ["groupOfUniqueNames"],
            "uniqueMember": [f"uid=p1,{PEOPLE}#'0101'B", three, one],
        },
        three: {
            "objectClass": ["groupOfNames"],
            "member": [f"uid=p0,{PEOPLE}", f"cn=unix,{other}"],
        },
        f"cn=unix,{other}": {
            "objectClass": ["posixGroup"],
            "gidNumber": ["7"],
            "memberUid": ["P2", "nobody"],
        },
        f"uid=inside,{three}": inside,
    }
    with slapd(tmp_path / "slapd", ldif(entries)) as running:
        directory = LdapDirectory(source(running.url, groups=desired.Groups(base="ou=teams")))
        (group,) = directory.read(EVERYTHING).groups
        directory.close()
        directory = LdapDirectory(source(running.url))
        everywhere = directory.read(EVERYTHING).groups
        directory.close()
    assert group.members == ("uid=nobody", f"uid=p0,{PEOPLE}")
    assert group.nested_members == (
        f"uid=inside,{three}",
        *(f"uid=p{number},{PEOPLE}" for number in range(3)),
    )
    assert [len(group.nested_members) for group in everywhere] == [0] * 4


def test_the_next_server_is_used_when_the_first_is_down(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    down = f"ldap://127.0.0.1:{free_port()}"
    assert len(read(source(down, server.url)).persons) == 10
    assert f"corp: {down}: Connection refused" in caplog.text


def test_every_search_is_logged_as_a_command_that_can_be_pasted(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    tool = program("ldapsearch")
    caplog.set_level(logging.INFO, "reconcile.directories")
    snapshot = read(
        source(
            server.url,
            users=desired.Users(fields={}, filter="(&(objectClass=person)(!(cn=Person 3)))"),
        )
    )
    commands = logged_commands(caplog)
    assert len(commands) == 2
    assert PASSWORD not in caplog.text
    pasted = shlex.split(commands[1])
    pasted[pasted.index("-W") : pasted.index("-W") + 1] = ["-w", PASSWORD]
    done = subprocess.run(
        [tool, *pasted[1:]], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.count("dn: uid=") == len(snapshot.persons) == 9
    assert "entryUUID: " in done.stdout


def test_the_pasted_command_knows_the_ca(
    secure: Slapd, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program("ldapsearch")
    ca_file = tmp_path / "a ca's file.pem"
    shutil.copy(authority.file, ca_file)
    caplog.set_level(logging.INFO, "reconcile.directories")
    for url in (secure.url, secure.ldaps_url):
        read(
            source(
                url,
                tls=desired.Tls(ca_file=str(ca_file)),
                bind=desired.Bind(f"cn=admin,{SUFFIX}", Known(PASSWORD)),
            )
        )
    commands = logged_commands(caplog)
    assert len(commands) == 4
    for command in commands:
        pasted = command.replace(" -W ", f" -w {PASSWORD} ")
        done = subprocess.run(
            pasted, shell=True, capture_output=True, text=True, check=True, timeout=20
        )
        assert "dn: " in done.stdout
        assert PASSWORD not in command


def test_the_pasted_command_has_the_name_in_the_certificate(
    secure: Slapd, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "reconcile.directories")
    for url in (secure.url, secure.ldaps_url):
        tls = desired.Tls(ca_file=str(authority.file), server_name="ldap.example.com")
        caplog.clear()
        read(source(url, tls=tls))
        assert (
            "the commands need a machine where ldap.example.com (tls.server_name) is 127.0.0.1"
            in caplog.text
        )
        for command in logged_commands(caplog):
            assert f" -H {url.replace('127.0.0.1', 'ldap.example.com')} " in command
            here = command.replace("ldap.example.com", "127.0.0.1").replace(
                " -W ", f" -w {PASSWORD} "
            )
            done = subprocess.run(
                here, shell=True, capture_output=True, text=True, check=True, timeout=20
            )
            assert "dn: " in done.stdout
        caplog.clear()
        read(source(url, tls=msgspec.structs.replace(tls, verify="none")))
        assert all(f" -H {url} " in command for command in logged_commands(caplog)), (
            "where it is not checked"
        )
        assert "the commands need" not in caplog.text


def test_a_goodbye_right_behind_the_last_page() -> None:
    notice = ber.tlv(
        ber.EXTENDED_RESPONSE, ber.number(52, 0x0A), ber.text(""), ber.text("closing time")
    )
    base = success(BASE)
    with stand_in([lambda number: base(number) + ber.message(0, notice)]) as url:
        message = refused(source(url))
    assert "the connection broke" in message
    assert "closing time" in message


def test_settings_that_nobody_checked_are_refused_all_the_same(server: Slapd) -> None:
    message = refused(source(server.url, users=desired.Users(fields={}, filter="(uid=x")))
    assert "filter (uid=x) cannot be sent" in message
    assert "'ldapx://x' is not ldap://HOST" in refused(source("ldapx://x"))


def test_find_looks_below_the_base_whatever_the_filters_say(server: Slapd) -> None:
    everybody = {person.external_id: person.dn for person in read(source(server.url)).persons}
    known = list(everybody)
    unknown = [f"00000000-0000-0000-0000-{number:012}" for number in range(150)]
    settings = source(server.url, users=desired.Users(fields={}, filter="(uid=nobody)"))
    directory = LdapDirectory(settings)
    asked = [*known[:3], *unknown, known[4].upper(), "*)(objectClass=*", "no uuid"]
    dns = [everybody[known[5]].upper(), f"uid=gone,{PEOPLE}", "dc=org", "no dn", f"uid=p0,{PEOPLE}"]
    assert directory.find(asked, dns) == {*known[:3], known[4].upper(), dns[0], dns[4]}
    assert directory.find([], []) == frozenset()
    directory.close()


def test_find_does_not_take_a_hidden_directory_for_an_empty_one() -> None:
    with stand_in([success()]) as url, pytest.raises(SourceUnreadable, match="cannot be seen"):
        LdapDirectory(source(url)).find(["some-id"], [])


def test_find_refuses_any_answer_but_there_and_not_there() -> None:
    with (
        stand_in([success(BASE), ended(50, "not yours")]) as url,
        pytest.raises(SourceUnreadable, match="result 50"),
    ):
        LdapDirectory(source(url)).find([], [f"uid=p0,{PEOPLE}"])


def test_names_that_differ_in_case_only_are_one_attribute() -> None:
    person = ber.entry(f"uid=p0,{PEOPLE}", {"uid": ["p0"], "CN": ["a"], "cn": ["b"], "Cn": ["c"]})
    with stand_in([success(BASE), success(person)]) as url:
        (found,) = read(source(url, page_size=0)).persons
    assert found.attributes["cn"] == ("a", "b", "c")
