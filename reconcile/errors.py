"""One tree of errors, each with the exit code the command ends with.

    ReconcileError                 1  failed
    ├── UsageError                 2  the command line asks for something that cannot be
    │   └── RulesRefused              rules that cannot be followed; carries each with its path
    ├── ConfigError                2  the desired-state files are wrong; carries every Problem found
    ├── PlanFileError              2  the plan file is damaged, cut off or of another version
    ├── NotApproved                2  the plan file is not the reviewed one, or not signed
    │   └── NotSigned                 too few people signed it; only the first line names nobody
    ├── CaptureError               2  a capture is damaged, or does not fit the desired state
    ├── GuardRefused               4  a safety rule refuses the plan
    ├── StalePlan                  5  what the plan was made from has changed; carries what changed
    ├── Unreadable                 7  a source or the platform could not be read completely
    │   ├── SourceUnreadable
    │   └── PlatformUnreadable
    ├── OutcomeUnknown             6  the platform may have kept what was written, or not
    ├── FullRunDisagrees           1  a full run says other than the quiet runs before it
    ├── LoginRefused               1  a person may not log in; carries the reason
    ├── Locked                     8  another run holds the platform
    ├── OutputLost                 1  standard output cannot be written
    └── TemplateFailed             -  one template failed on one entry: a skip, no end of a run

Exit codes 3 (changes, with --check), 6 (applied in part) and 9 (done but not clean, with --strict)
are answers, not errors: the commands give them. 130 and 143 are those of `reconcile.interrupts`. An
error's text is a whole message for the person at the terminal: what happened, where, and what to
do. It never contains a secret.
"""

import shlex
from collections.abc import Iterable
from typing import Literal, NamedTuple, Self, TypeAlias


class Problem(NamedTuple):
    """One fault in a desired-state file; line and column count from 1, 0 is the whole file."""

    file: str
    line: int
    column: int
    path: str
    """Where in the document, as in `sources[0].users.filter`; empty for the document itself."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ReconcileError(Exception):
    """The root of the tree."""

    exit_code = 1


class UsageError(ReconcileError):
    """The command line, or a call, asks for something impossible."""

    exit_code = 2


class RulesRefused(UsageError):
    """Rules of the files contradict a directory, or the platform cannot follow them."""

    def __init__(self, rules: Iterable[tuple[str, str]]) -> None:
        """Takes the path of each rule, as in `groups[0].nested`, and what is wrong with it."""
        self.rules = tuple(rules)
        super().__init__("\n".join(f"{path}: {message}" for path, message in self.rules))


PROBLEMS_SHOWN = 100
"""How many problems are reported one by one."""


class ConfigError(ReconcileError):
    """The desired-state files are wrong."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Takes every problem of every file; they are kept in file and line order."""
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """A line for each problem, or several; if there are very many, only for the first."""
        shown = map(str, self.problems[:PROBLEMS_SHOWN])
        lines = [line for problem in shown for line in problem.split("\n")]
        more = len(self.problems) - PROBLEMS_SHOWN
        return lines if more <= 0 else [*lines, f"… and {more} more"]


class PlanFileError(ReconcileError):
    """The plan file is damaged, cut off or of another version."""

    exit_code = 2


class NotApproved(ReconcileError):
    """The plan file is not the one that was reviewed, or not enough people signed it."""

    exit_code = 2


class NotSigned(NotApproved):
    """Not enough people signed the plan file. The lines after the first may name who did."""


class CaptureError(ReconcileError):
    """A capture of a directory is damaged, or does not fit the desired state."""

    exit_code = 2


class GuardRefused(ReconcileError):
    """A safety rule refuses the plan."""

    exit_code = 4

    def __init__(self, message: str, violations: Iterable[tuple[str, str, bool]] = ()) -> None:
        """`violations`: code and detail of each, and whether a person could accept it."""
        self.violations = tuple(violations)
        super().__init__(message)

    @classmethod
    def because(
        cls, violations: Iterable[tuple[str, str, bool]], accepted: Iterable[str] = ()
    ) -> Self:
        """The refusal of violations: code and detail of each, and whether a person could accept it.

        `accepted` are the codes of others, which a new plan has to accept again.
        """
        found = tuple(violations)
        lines = ["refused by the guards, nothing was applied:"]
        lines += [f"  {code}: {detail}" for code, detail, _ in found]
        if all(acceptable for _, _, acceptable in found):
            codes = [*accepted, *(code for code, _, _ in found)]
            options = " ".join(f"--accept {shlex.quote(code)}" for code in codes)
            lines.append(
                f"If this is intended: reconcile plan {options} --out FILE, "
                "then reconcile apply FILE"
            )
        return cls("\n".join(lines), found)


_MOVED_SHOWN = 20


class StalePlan(ReconcileError):
    """What the plan was made from has changed."""

    exit_code = 5

    def __init__(
        self,
        moved: Iterable[str],
        *,
        all_exist: bool = False,
        all_gone: bool = False,
        made: str = "",
    ) -> None:
        """Takes one line for each thing that changed.

        `all_exist`: all of them are creations of the plan that already exist. `all_gone`: nothing
        exists that the plan would change. `made` says who made the plan and when.
        """
        self.moved = tuple(moved)
        self._all_exist, self._all_gone = all_exist, all_gone
        lines = [f"  {line}" for line in self.moved[:_MOVED_SHOWN]]
        if len(self.moved) > _MOVED_SHOWN:
            lines.append(f"  … and {len(self.moved) - _MOVED_SHOWN} more")
        told = "\n".join(
            ["the plan is stale, nothing was applied. What has changed since it was made:", *lines]
        )
        hint = ""
        if all_exist:
            hint = "Was it applied already? "
        elif all_gone:
            hint = "Was it made for another platform? "
        super().__init__("\n".join(filter(None, (told, made, f"{hint}Make a new plan."))))

    def made(self, made: str) -> Self:
        """The same error, which says who made the plan and when."""
        return type(self)(self.moved, all_exist=self._all_exist, all_gone=self._all_gone, made=made)


class Unreadable(ReconcileError):
    """Something could not be read completely; nothing was planned."""

    exit_code = 7


class SourceUnreadable(Unreadable):
    """A directory could not be read completely."""


class PlatformUnreadable(Unreadable):
    """The platform could not be read completely."""


class OutcomeUnknown(ReconcileError):
    """The platform may have kept what was written or not, and does not say which."""

    exit_code = 6


Refusal: TypeAlias = Literal[
    "failed", "wait", "local", "disabled", "out_of_service", "not_registered"
]
"""Why a person may not log in.

`failed`: no such person, or a wrong password; the error does not say which. `wait`: too many failed
attempts. `local`: the account is the platform's own. The others need the right password: `disabled`
in the directory, `out_of_service` on the platform, `not_registered` there and not to be.
"""


class FullRunDisagrees(ReconcileError):
    """A full run read what an earlier one read, and says something else. Nothing was written."""


class LoginRefused(ReconcileError):
    """A person may not log in."""

    def __init__(self, reason: Refusal, message: str, wait: int = 0) -> None:
        """`wait` is the number of seconds until another attempt may be made."""
        self.reason: Refusal = reason
        self.wait = wait
        super().__init__(message)


class Locked(ReconcileError):
    """Another run holds the platform."""

    exit_code = 8


class OutputLost(ReconcileError):
    """Standard output cannot be written: it is closed, its disk is full, or its reader has gone."""

    def __init__(self, why: str, *, broken_pipe: bool = False) -> None:
        """`broken_pipe`: its reader stopped reading, as `head` does, which is not an error."""
        self.why = why
        self.broken_pipe = broken_pipe
        super().__init__(f"standard output cannot be written: {why}")


class TemplateFailed(ReconcileError):
    """A template failed on one entry, other than by an absent attribute."""
