"""What comes after the options in the help of a command: examples, and what PATH is."""

from collections.abc import Mapping
from typing import Final

import click

_PATHS: Final = "PATH is a desired-state file or a folder of them; the default is reconcile.yml."
EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "init": (
        "reconcile init --from ldap://dc1.example.com",
        "reconcile init --type active_directory",
        "reconcile init --example quickstart",
        "reconcile init",
    ),
    "validate": ("reconcile validate", "reconcile validate --effective reconcile.d/"),
    "test": ("reconcile test", "reconcile test --source corp -v"),
    "schema": ("reconcile schema config > config.schema.json",),
    "search": ("reconcile search corp lee", "reconcile search corp 'ann*' --format csv"),
    "tree": ("reconcile tree corp",),
    "preview": ("reconcile preview --source corp",),
    "explain": ("reconcile explain ann",),
    "users": (
        "reconcile users",
        "reconcile users --columns username,roles,groups",
        "reconcile users --role administrator --status blocked",
    ),
    "groups": ("reconcile groups --wide",),
    "roles": ("reconcile roles", "reconcile roles administrator"),
    "review": (
        "reconcile review",
        "reconcile review --format html > review.html",
        "reconcile review --since 2026-10-01 --format csv > review.csv",
    ),
    "history": (
        "reconcile history",
        "reconcile history --user ann",
        "reconcile history --role administrator --since 30d",
        "reconcile history RUN",
    ),
    "plan": (
        "reconcile plan",
        "reconcile plan -o today.plan",
        "reconcile plan --check --target user:ann",
        "reconcile plan --drift",
        "reconcile plan --undo RUN -o undo.plan",
    ),
    "show": ("reconcile show today.plan",),
    "apply": ("reconcile apply today.plan", "reconcile apply --yes"),
    "assert": ("reconcile assert",),
    "capture": ("reconcile capture corp -o corp.capture",),
    "status": ("reconcile status",),
    "serve": ("reconcile serve",),
    "unlock": ("reconcile unlock",),
    "login": ("reconcile login ann",),
    "completion": (
        "reconcile completion bash > ~/.local/share/bash-completion/completions/reconcile",
        "reconcile completion zsh > ~/.zfunc/_reconcile",
        "reconcile completion fish > ~/.config/fish/completions/reconcile.fish",
    ),
    "help": ("reconcile help plan", "man reconcile-plan"),
}
"""Command → how it is called most often."""


def explained(command: click.Command) -> click.Command:
    """Adds examples, and what PATH means where a command takes one."""
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        explained(below)
    parts = []
    if examples := EXAMPLES.get(command.name or ""):
        parts.append("\n".join(("\b", "Examples:", *(f"  {line}" for line in examples))))
    if _takes_paths(command):
        parts.append(_PATHS)
    command.epilog = "\n\n".join(parts) or None
    return command


def _takes_paths(command: click.Command) -> bool:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    return any("PATH" in (argument.metavar or "") for argument in arguments)
