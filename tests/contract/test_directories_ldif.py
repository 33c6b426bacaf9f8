"""LDIF files: whole, or refused with file and line."""

from base64 import b64encode
from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model.directory import DirectorySnapshot, Query
from tests.servers.sources import EVERYTHING, PERSONS, source

SUFFIX = b"dn: dc=example,dc=com\nobjectClass: organization\no: Example\n\n"
ADA = (
    b"dn: uid=ada,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ada\ncn: Ada\nsn: Lovelace\n"
)


def written(folder: Path, *contents: bytes) -> LdifDirectory:
    files = []
    for number, content in enumerate(contents):
        file = folder / f"{number}.ldif"
        file.write_bytes(content)
        files.append(str(file))
    return LdifDirectory(source(type="ldif", files=tuple(files)))


def read(folder: Path, *contents: bytes) -> DirectorySnapshot:
    return written(folder, *contents).read(PERSONS)


def refused(folder: Path, *contents: bytes) -> str:
    with pytest.raises(SourceUnreadable) as caught:
        read(folder, *contents)
    assert caught.value.exit_code == 7
    return str(caught.value)


def test_everything_that_the_format_allows(tmp_path: Path) -> None:
    content = (
        b"\xef\xbb\xbfversion: 1\r\n\r\n# A comment\r\n  that goes on\r\n"
        + SUFFIX
        + b"\n\n# Another\ndn:: dWlkPWJqw7hybixkYz1leGFtcGxlLGRjPWNvbQ==\nObjectClass:inetOrgPerson\nUID:bj\xc3\xb8rn\n"
        + b"cn: Bj\n \xc3\xb8rn\n#in between\nsn:: w5hkZWfDpXJk\nmail:\ncn;lang-en: Bjorn\n"
    )
    (person,) = read(tmp_path, content).persons
    assert person.dn == "uid=bjørn,dc=example,dc=com"
    assert person.identifier == "bjørn"
    assert person.external_id == ""
    assert person.attributes == {
        "uid": ("bjørn",),
        "cn": ("Bjørn",),
        "sn": ("Ødegård",),
        "cn;lang-en": ("Bjorn",),
    }


def test_files_make_one_directory_and_what_is_outside_the_base_is_left_out(tmp_path: Path) -> None:
    other = b"dn: dc=org\nobjectClass: domain\n\n" + ADA.replace(b"dc=example,dc=com", b"dc=org")
    snapshot = read(tmp_path, SUFFIX, ADA, b"", other)
    assert [person.dn for person in snapshot.persons] == ["uid=ada,dc=example,dc=com"]


def test_a_missing_file(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.ldif")
    directory = LdifDirectory(source(type="ldif", files=(missing,)))
    with pytest.raises(
        SourceUnreadable, match=r"missing\.ldif cannot be read: No such file or directory"
    ):
        directory.read(PERSONS)
    (check,) = directory.check()
    assert not check.ok
    assert missing in check.detail


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="Is a directory"):
        LdifDirectory(source(type="ldif", files=(str(tmp_path),))).find(["x"], [])


@pytest.mark.parametrize("keep", range(len(SUFFIX) + 1, len(SUFFIX + ADA)))
def test_a_file_that_is_cut_off_anywhere_in_an_entry(tmp_path: Path, keep: int) -> None:
    whole = SUFFIX + ADA
    # What is cut off exactly between two whole lines after objectClass cannot be told from an entry
    # with less in it.
    if whole[keep - 1 : keep] == b"\n" and b"objectClass" in whole[len(SUFFIX) : keep]:
        assert len(read(tmp_path, whole[:keep]).persons) == 1
    else:
        message = refused(tmp_path, whole[:keep])
        assert f"{tmp_path / '0.ldif'}:" in message
        assert "the file is cut off" in message


def test_a_file_without_the_base(tmp_path: Path) -> None:
    message = refused(tmp_path, ADA)
    assert f"{tmp_path / '0.ldif'}: there is no entry for the base DN dc=example,dc=com" in message


def test_empty_files_hold_no_directory(tmp_path: Path) -> None:
    assert "there is no entry for the base DN" in refused(tmp_path, b"", b"version: 1\n")


def test_a_dn_that_is_there_twice_in_any_spelling(tmp_path: Path) -> None:
    again = ADA.replace(b"dn: uid=ada,dc", b"dn: UID=Ada, DC")
    message = refused(tmp_path, SUFFIX + ADA, again)
    assert f"{tmp_path / '1.ldif'}:1: the entry UID=Ada, DC=example,dc=com occurs twice" in message
    assert f"first at {tmp_path / '0.ldif'}:5" in message


def test_an_entry_whose_dn_cannot_be_understood_is_read_and_known_by_it_to_the_letter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = b'\ndn: uid="ada"x,DC=Example,dc=com\nobjectClass: inetOrgPerson\nuid: odd\n'
    directory = written(
        tmp_path,
        SUFFIX + ADA + odd + odd.replace(b"uid=", b"UID=") + b"\ndn: ada\nobjectClass: person\n",
    )
    assert {person.dn for person in directory.read(PERSONS).persons} == {
        "uid=ada,dc=example,dc=com",
        'uid="ada"x,DC=Example,dc=com',
        'UID="ada"x,DC=Example,dc=com',
    }
    (message,) = [
        record.getMessage() for record in caplog.records if "understood" in record.getMessage()
    ]
    assert (
        f"cannot be understood: 3, compared to the letter; first {tmp_path / '0.ldif'}:11: 'uid="
        in message
    )
    asked = {'uid="ada"x,dc=example,dc=com', 'Uid="ada"x,dc=example,dc=com', "ada"}
    assert directory.find((), asked) == {'uid="ada"x,dc=example,dc=com'}


def test_a_dn_that_cannot_be_understood_is_there_once(tmp_path: Path) -> None:
    odd = b'dn: uid="ada"x,DC=Example,dc=com\nobjectClass: inetOrgPerson\nuid: odd\n\n'
    message = refused(tmp_path, SUFFIX + odd + odd)
    assert (
        f'{tmp_path / "0.ldif"}:9: the entry uid="ada"x,DC=Example,dc=com occurs twice' in message
    )


def test_names_with_an_underscore(tmp_path: Path) -> None:
    content = (
        b"dn: hr_number=4,dc=example,dc=com\nobjectClass: inetOrgPerson\nhr_number: 4\nuid: ada\n"
    )
    directory = written(tmp_path, SUFFIX + content)
    (person,) = directory.read(Query(person_attributes=frozenset({"hr_number"}))).persons
    assert person.attributes["hr_number"] == ("4",)
    assert directory.find((), ["HR_Number=4, dc=example,dc=com"]) != frozenset()


def test_an_attribute_goes_by_all_of_its_names(tmp_path: Path) -> None:
    content = b"dn: uid=ada,dc=example,dc=com\nobjectClass: inetOrgPerson\n0.9.2342.19200300.100.1.1: ada\ncommonName: A\n"
    (person,) = read(tmp_path, SUFFIX + content + b"cn: B\nsurname;lang-en: L\n").persons
    assert (person.identifier, person.attributes["cn"]) == ("ada", ("A", "B"))
    assert person.attributes["sn;lang-en"] == ("L",)


LOOK_ALIKE = (
    ("Gross", "Groß"),
    ("m2", "m²"),
    ("René", "Rene\u0301"),
    ("ärzte", "Ärzte"),
    ("ab", "\uff41\uff42"),
    ("σ", "ς"),
)


@pytest.mark.parametrize("names", LOOK_ALIKE)
def test_entries_that_look_alike_are_two(tmp_path: Path, names: tuple[str, str]) -> None:
    dns = [f"cn={name},dc=example,dc=com" for name in names]
    entries = [
        f"dn:: {b64encode(name.encode()).decode()}\nobjectClass: inetOrgPerson\n\n".encode()
        for name in dns
    ]
    assert {person.dn for person in read(tmp_path, SUFFIX, *entries).persons} == set(dns)


def test_entries_below_a_base_that_they_spell_in_another_way_are_read(tmp_path: Path) -> None:
    def entry(name: str, kind: str = "inetOrgPerson") -> bytes:
        name = b64encode(f"{name},dc=example,dc=com".encode()).decode()
        return f"dn:: {name}\nobjectClass: {kind}\nuid: {name}\n\n".encode()

    def count(*contents: bytes, scope: str = "subtree") -> int:
        directory = written(tmp_path, SUFFIX, entry("ou=Ärzte", "organizationalUnit"), *contents)
        settings = directory._source
        base = msgspec.structs.replace(settings.users, base="ou=A\u0308RZTE", scope=scope)
        directory._source = msgspec.structs.replace(settings, users=base)
        return len(directory.read(PERSONS).persons)

    persons = [
        entry(name)
        for name in ("uid=a,ou=ÄRZTE", "uid=b,ou=ärzte", "uid=c,ou=Ärzte", "uid=d,ou=arzte")
    ]
    assert count(*persons) == count(*persons, scope="one") == 3
    with pytest.raises(SourceUnreadable, match="does not exist"):
        count(*persons, entry("ou=ärzte", "organizationalUnit"))


def test_find_takes_another_spelling_where_no_other_entry_can_be_meant(tmp_path: Path) -> None:
    names = ["m2", "m²", "Émile"]
    dns = [f"cn={name},dc=example,dc=com".encode() for name in names]
    entries = [b"dn:: " + b64encode(name) + b"\nobjectClass: inetOrgPerson\n\n" for name in dns]
    asked = {f"cn={name},dc=example,dc=com" for name in ("m²", "ｍ２", "E\u0301MILE", "Emile")}
    found = written(tmp_path, SUFFIX, *entries).find((), asked)
    assert found == {"cn=m²,dc=example,dc=com", "cn=E\u0301MILE,dc=example,dc=com"}


def test_a_line_that_is_wrong_is_named_with_its_file(tmp_path: Path) -> None:
    message = refused(tmp_path, SUFFIX + b"dn: uid=x,dc=example,dc=com\nchangetype: delete\n")
    assert f"{tmp_path / '0.ldif'}:6: `changetype:` makes this a change record" in message


def test_an_export_with_its_ids_keeps_them(tmp_path: Path) -> None:
    (person,) = read(tmp_path, SUFFIX + ADA + b"entryUUID: 1-2-3\n").persons
    assert person.external_id == "1-2-3"


def test_two_entries_of_one_id_are_refused(tmp_path: Path) -> None:
    copy = ADA.replace(b"uid=ada", b"uid=eve")
    message = refused(tmp_path, SUFFIX + ADA + b"entryUUID: 1\n\n" + copy + b"entryUUID: 1\n")
    assert (
        "uid=ada,dc=example,dc=com and uid=eve,dc=example,dc=com have one stable id, 1" in message
    )


def test_files_are_read_again_after_close_only(tmp_path: Path) -> None:
    directory = written(tmp_path, SUFFIX + ADA)
    assert len(directory.read(PERSONS).persons) == 1
    (tmp_path / "0.ldif").write_bytes(SUFFIX)
    assert len(directory.read(EVERYTHING).persons) == 1
    directory.close()
    assert directory.read(Query()).persons == ()
