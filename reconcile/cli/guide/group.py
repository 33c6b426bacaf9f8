"""The command line as a whole: its help by tasks, options before the command, hints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click

TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "Set up": ("init", "validate", "test", "schema", "connection"),
    "Look": (
        *("search", "tree", "preview", "explain", "users", "groups", "departments", "roles"),
        *("review", "history", "status", "capture"),
    ),
    "Change": (
        *("plan", "show", "assert", "apply", "serve"),
        *("migrate-usernames", "rename-source", "unlock"),
    ),
    "For other programs": ("login", "ansible-path", "completion", "help"),
}
"""The commands by what they are for, each in the order in which they are first needed."""
_OTHERS: Final = "More"
_HINTS: Final[Mapping[tuple[str, str], str]] = {
    ("apply", "--dry-run"): "`reconcile plan` shows what apply would change.",
    ("apply", "--check"): "`reconcile plan --check` exits with 3 when there are changes.",
    ("apply", "--drift"): "`reconcile plan --drift` reports drift; apply never looks only.",
    ("apply", "--diff"): "`reconcile plan` shows what apply would change.",
    ("apply", "--out"): "`reconcile plan --out FILE` writes a plan; apply FILE carries it out.",
    ("apply", "--target"): "`reconcile plan --target KIND:NAME --out FILE`, then apply FILE.",
    ("apply", "--accept"): "`reconcile plan --accept CODE --out FILE`, then apply FILE.",
    ("apply", "--auto-approve"): "It is called --yes.",
    ("plan", "--dry-run"): "A plan never writes: leave it out.",
    ("plan", "--yes"): "A plan never asks: leave it out, or use `reconcile apply --yes`.",
    ("plan", "--diff"): "A plan always shows the difference: leave it out.",
    ("serve", "--dry-run"): "`reconcile plan` shows what a run would change.",
    ("serve", "--check"): "`reconcile validate` checks the schedule and everything else.",
}
"""Command and an option that it does not have → what was meant, in the words of this tool."""


class CommandLine(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the tasks, not alphabetically."""
        del ctx
        return [name for _, names in self._by_task() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the tasks that they are for."""
        width = max(map(len, self.commands), default=0)
        for task, names in self._by_task():
            with formatter.section(task):
                rows = [(name.ljust(width), self._short_help(ctx, name)) for name in names]
                formatter.write_dl(rows)

    def _by_task(self) -> Iterator[tuple[str, list[str]]]:
        """The visible commands of each task; those of none come last."""
        visible = [name for name, command in self.commands.items() if not command.hidden]
        placed = {name for names in TASKS.values() for name in names}
        tasks = {**TASKS, _OTHERS: tuple(name for name in visible if name not in placed)}
        for task, names in tasks.items():
            known = [name for name in names if name in visible]
            if known:
                yield task, known

    def _short_help(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=70) if command is not None else ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options of a command may come before it, as in `reconcile -v plan`."""
        return super().parse_args(ctx, self._with_command_first(ctx, args))

    def _with_command_first(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        """The arguments with the command in front of the options that are its own."""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in own:
            at += 1 + self._takes_value(args[at])
        if at == 0 or at >= len(args) or args[at] not in self.commands:
            return list(args)
        return [args[at], *args[:at], *args[at + 1 :]]

    def _takes_value(self, argument: str) -> bool:
        """Whether the argument after this option is its value."""
        if "=" in argument:
            return False
        return any(
            argument in parameter.opts and not parameter.is_flag and not parameter.count
            for command in self.commands.values()
            for parameter in command.params
            if isinstance(parameter, click.Option)
        )

    def invoke(self, ctx: click.Context) -> object:
        """An interrupt is `Abort` for click too, which would print an empty line for it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error
        except click.NoSuchOption as error:
            raise _with_hint(error) from error


def _with_hint(error: click.NoSuchOption) -> click.NoSuchOption:
    """The error with what was meant, where another tool has an option of this name."""
    command = error.ctx.info_name if error.ctx is not None else None
    hint = _HINTS.get((command or "", error.option_name))
    if hint is None:
        return error
    return click.NoSuchOption(error.option_name, f"{error.message} {hint}", ctx=error.ctx)
