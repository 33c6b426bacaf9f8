"""Whether an entry is one that was asked for, however a server spells it."""

import pytest

from reconcile.directories.connection import scopes
from reconcile.directories.connection.requests import Unbelievable
from reconcile.directories.search.search import Scope, Search

BASE = "ou=People,dc=example,dc=com"


@pytest.mark.parametrize(
    ("base", "scope", "name"),
    [
        (BASE, "subtree", f"uid=a,{BASE}"),
        (BASE, "subtree", BASE),
        (BASE, "subtree", f"uid=a,ou=x,{BASE.upper()}"),
        (BASE, "subtree", "uid=a, OU = people , domainComponent=example,dc=com"),
        (BASE, "subtree", f"Nobody knows,{BASE}"),
        (BASE, "subtree", f"uid=a\\\\,{BASE}"),
        (BASE, "one", f"uid=a,{BASE}"),
        (BASE, "one", f"uid=a\\,b,{BASE}"),
        (BASE, "base", BASE.lower()),
        ("ou=νίκος,dc=x", "base", "OU=νίκοσ,DC=x"),
        ("ou=STRASSE,dc=x", "subtree", "uid=a,ou=straße,dc=x"),
        ("ou=e\u0301,dc=x", "subtree", "uid=a,ou=\u00e9,dc=x"),
        ("", "subtree", "dc=anything"),
    ],
)
def test_an_entry_in_scope(base: str, scope: Scope, name: str) -> None:
    scopes.check(Search(base, scope, "(a=b)", ()), [name])


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("subtree", "uid=a,ou=People,dc=example,dc=org"),
        ("subtree", "dc=example,dc=com"),
        ("subtree", f"uid=a\\,{BASE}"),
        ("subtree", f"uid=a{BASE}"),
        ("subtree", ""),
        ("subtree", "Nobody knows"),
        ("one", f"uid=a,ou=x,{BASE}"),
        ("one", BASE),
        ("base", f"uid=a,{BASE}"),
    ],
)
def test_an_entry_out_of_scope(scope: Scope, name: str) -> None:
    good = f"uid=good,{BASE}" if scope != "base" else BASE
    with pytest.raises(Unbelievable, match="which is outside the search"):
        scopes.check(Search(BASE, scope, "(a=b)", ()), [good, name])
