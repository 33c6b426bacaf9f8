"""All commands by name. A command's module is imported when the command is first asked for.

So `reconcile plan` starts without the other commands. A module lists its own in `COMMANDS`.
"""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final

import click

from reconcile.cli.guide.epilogs import explained

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "setup.command": ("init",),
    "commands.validate": ("validate",),
    "commands.test": ("test",),
    "commands.search_tree": ("search", "tree"),
    "commands.explain": ("explain",),
    "commands.preview": ("preview",),
    "commands.capture": ("capture",),
    "commands.plan_show": ("plan", "show"),
    "commands.reviewing.assertions": ("assert",),
    "commands.apply": ("apply",),
    "commands.serve": ("serve",),
    "commands.reviewing.status": ("status",),
    "commands.rename": ("migrate-usernames", "rename-source"),
    "commands.list": ("users", "groups", "departments"),
    "commands.access": ("roles", "review"),
    "commands.history_unlock": ("history", "unlock"),
    "commands.programs.login": ("login",),
    "commands.programs.connection": ("connection",),
    "commands.programs.ansible_path": ("ansible-path",),
    "commands.programs.itself": ("schema", "completion", "help"),
}
"""Module below `reconcile.cli` → the names of its commands."""


class Commands(MutableMapping[str, click.Command]):
    """Name → command, imported when it is looked up."""

    def __init__(self) -> None:
        self._modules = {name: module for module, names in MODULES.items() for name in names}
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """The command of this name. Raises KeyError."""
        if name not in self._loaded:
            module = importlib.import_module(f"reconcile.cli.{self._modules[name]}")
            for command in module.COMMANDS:
                self._loaded[command.name] = explained(command)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Adds a command that is loaded, as click does."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Leaves a command out."""
        self._modules.pop(name, None)
        self._loaded.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a command; nothing is imported."""
        return name in self._modules or name in self._loaded

    def __iter__(self) -> Iterator[str]:
        """The names; nothing is imported."""
        return iter(dict.fromkeys((*self._modules, *self._loaded)))

    def __len__(self) -> int:
        """How many commands there are."""
        return len({*self._modules, *self._loaded})
