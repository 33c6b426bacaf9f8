"""What a program must not print of the configuration that it was given."""

import pytest

from reconcile.config import clear_texts


@pytest.mark.parametrize(
    ("document", "variables", "secrets"),
    [
        ({}, {}, set()),
        ({"platform": {"type": "sql", "url": "sqlite:///acme.db"}}, {}, set()),
        ({"platform": {"type": "sql", "url": "postgresql://me:geheim@db/x"}}, {}, {"geheim"}),
        ({"state": "mariadb+pymysql://me:geheim@db/x"}, {}, {"geheim"}),
        ({"sources": [{"bind": {"dn": "cn=x", "password": "geheim"}}]}, {}, {"geheim"}),
        ({"sources": [{"bind": {"password": "{{ env('PW') }}"}}]}, {}, set()),
        (
            {"sources": [{"bind": {"password": "{{ pw }}"}}], "vars": {"pw": "geheim"}},
            {},
            {"geheim"},
        ),
        ({"sources": [{"bind": {"password": "{{ x }}"}}]}, {"x": "geheim"}, {"geheim"}),
        (
            {"sources": [{"bind": {"password": "{{ x }}"}}], "vars": {"x": "{{ env('Y') }}"}},
            {},
            set(),
        ),
        ({"sources": "nonsense", "anything": {"api_token": "geheim"}}, {}, {"geheim"}),
        ({"vars": {"ldap_password": "geheim", "suffix": "dc=x"}}, {}, {"geheim"}),
        ({"platform": {"type": "stranger", "auth": {"bearer": "geheim"}}}, {}, {"geheim"}),
        ({"platform": None, "sources": [None, 3, {"bind": 4}]}, {}, set()),
    ],
)
def test_clear_texts(document, variables, secrets):
    assert clear_texts(document, variables) == secrets
