"""Reading a source of the tests once: what is found, how many persons, or why it is refused."""

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot
from tests.servers.slapd import PASSWORD
from tests.servers.sources import PERSONS


def read(settings: desired.Source) -> DirectorySnapshot:
    """The snapshot."""
    directory = LdapDirectory(settings)
    try:
        return directory.read(PERSONS)
    finally:
        directory.close()


def count(settings: desired.Source) -> int:
    """How many persons there are."""
    return len(read(settings).persons)


def refused(settings: desired.Source) -> str:
    """Why nothing can be read, in words that hold no password."""
    with pytest.raises(SourceUnreadable) as caught:
        read(settings)
    assert caught.value.exit_code == 7
    assert PASSWORD not in str(caught.value)
    return str(caught.value)
