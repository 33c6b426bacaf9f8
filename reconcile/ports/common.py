"""What all ports share: progress, faults of settings, checks."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

Progress: TypeAlias = Callable[[str, int], None]
"""Called with what is being done and how many are done so far. May be called often and must return
at once."""


Fault: TypeAlias = tuple[tuple[str | int, ...], str]
"""Path below the settings, and what is wrong there."""


def no_progress(what: str, done: int) -> None:
    """A Progress that reports nothing."""


class Check(NamedTuple):
    """One line of `reconcile test`."""

    what: str
    ok: bool
    detail: str
    hint: str = ""
    """What to do about it, if more is known than that it failed."""
    path: str = ""
    """The setting of the source that this is about, as in `bind.dn`; "" if there is none."""
