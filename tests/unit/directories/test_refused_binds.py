"""What a domain controller means by refusing a bind, in words."""

import pytest

from reconcile.directories.connection import bind
from reconcile.directories.errors import BindRefused, Result
from reconcile.directories.search.urls import target
from tests.servers.sources import source


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("525", "There is no such account."),
        ("52e", "The DN or the password is wrong, or the account is locked."),
        ("532", "The password has expired."),
        ("533", "The account is disabled."),
        ("775", "The account is locked."),
        ("fff", "The DN or the password is wrong, or the account is locked."),
    ],
)
def test_the_code_within_a_refusal(code: str, words: str) -> None:
    said = f"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1"
    url = "ldap://dc1.example.com"
    with pytest.raises(BindRefused) as refused:
        bind.accepted(
            source(url, type="active_directory"), target(url), Result(49, "", said), "ann"
        )
    assert words in str(refused.value)
