"""Which entry a name means: the one of that very name, or the only one that it can mean."""

import time

import pytest

from reconcile.model.text import dn
from reconcile.model.text.references import References, lookalikes

ENTRIES = {"cn=gross", "cn=groß", "cn=m2", "cn=m²", "cn=émile", "cn=\\20x"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CN=Gross", ("cn=gross",)),
        ("cn=GROß", ("cn=groß",)),
        ("cn=m²", ("cn=m²",)),
        ("cn=ｍ２", ("cn=m2", "cn=m²")),
        ("cn=ÉMILE", ("cn=émile",)),
        ("cn=E\u0301mile", ("cn=émile",)),
        ("cn=emile", ()),
        ("cn=x", ("cn=\\20x",)),
        ("cn=groẞ", ()),
        ("", ()),
        ("odd", ()),
    ],
)
def test_what_a_name_means(name: str, meant: tuple[str, ...]) -> None:
    for tables in ((ENTRIES,), (set(), ENTRIES), ({"cn=m2", "cn=gross"}, ENTRIES - {"cn=m2"})):
        references = References(tables, "compatibility")
        assert references.meant(dn.key(name)) == meant
        assert references.only(dn.key(name)) == (meant[0] if len(meant) == 1 else "")


def test_a_server_that_folds_case_alone() -> None:
    references = References((ENTRIES,), "case")
    assert references.meant("cn=ÉmilE".lower().replace("é", "É")) == ("cn=émile",)
    assert references.meant("cn=ｍ２") == references.meant("cn=e\u0301mile") == ()


def test_an_entry_that_is_not_looked_up_can_be_meant_too() -> None:
    references = References(({"cn=m2"},), "compatibility", frozenset({"cn=m2", "cn=m²"}))
    assert references.only("cn=m2") == "cn=m2"
    assert references.meant("cn=m²") == ()
    assert references.meant("cn=ｍ２") == ("cn=m2", "cn=m²")
    assert References(({"cn=z"},), "compatibility", frozenset({"cn=m²"})).only("cn=ｍ２") == ""


def test_which_names_look_alike() -> None:
    assert lookalikes(ENTRIES, "compatibility") == {"cn=m2", "cn=m²"}
    assert lookalikes(ENTRIES, "case") == frozenset()
    assert lookalikes({"cn=ä", "cn=Ä"}, "case") == {"cn=ä", "cn=Ä"}


def test_many_names_that_fold_to_one_take_no_longer_than_their_number() -> None:
    keys = {f"cn={'ä' * (number % 90)}{number}Ä" for number in range(20_000)}
    started = time.process_time()
    references = References((keys,), "compatibility")
    assert all(references.only(key.lower()) in {key, ""} for key in sorted(keys)[:5_000])
    assert lookalikes(keys, "compatibility") == frozenset()
    assert time.process_time() - started < 4
