"""`ansible-path`: where Ansible finds the collection."""

from importlib.util import find_spec
from pathlib import Path

import click

from reconcile.cli.options import output_options
from reconcile.errors import UsageError


@click.command("ansible-path")
@output_options
def ansible_path() -> None:
    """Print the folder of the Ansible collection.

    Put it into ANSIBLE_COLLECTIONS_PATH if Ansible is installed in another environment than
    reconcile.
    """
    spec = find_spec("ansible_collections.reconcile.identity")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            "the collection reconcile.identity is not installed beside this package: "
            "install reconcile-identity again"
        )
    click.echo(Path(next(iter(spec.submodule_search_locations))).parents[2])


COMMANDS = (ansible_path,)
