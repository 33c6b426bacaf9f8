"""Who may have which name."""

from reconcile.model.text.folding import fold_name
from reconcile.planning.target.name_claims import Claim, NameHolder, settle, slots


def claim(text: str, holder: str) -> Claim[str]:
    return Claim(fold_name(text), holder, "corp", f"uid={text}", text, text=text)


TWINS = (("1", "Änna"), ("2", "ÄNNA"))
HELD = slots(
    (("", fold_name(name)), NameHolder(number, name, "corp", name)) for number, name in TWINS
)


def test_who_shares_a_name_keeps_it() -> None:
    granted, refused = settle([claim("Änna", "1")], HELD, "duplicate_username")
    assert [one.item for one in granted] == ["Änna"]
    assert not refused


def test_who_shares_a_name_gets_no_other_spelling_of_it() -> None:
    granted, refused = settle([claim("änna", "1")], HELD, "duplicate_username")
    assert not granted
    assert [one.code for one in refused] == ["duplicate_username"]
    assert "ÄNNA" in refused[0].detail


def test_nobody_comes_into_a_name_that_several_share() -> None:
    granted, refused = settle([claim("änna", "")], HELD, "duplicate_username")
    assert not granted
    assert [one.code for one in refused] == ["duplicate_username"]
