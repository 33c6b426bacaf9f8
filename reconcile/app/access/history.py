"""The part of the history that is about a user, a role or a group, or since some time."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reconcile.model.history import Entry, Link
from reconcile.planning.views.access_history import HistoryFilter
from reconcile.ports import History


class About(NamedTuple):
    """What to look for; "" is everything. `since` is RFC 3339 in UTC."""

    user: str = ""
    """A username, DN or external id, of now or then, in any case."""
    role: str = ""
    group: str = ""
    since: str = ""

    @property
    def names_changes(self) -> bool:
        """Whether it is about certain changes, and not only about certain runs."""
        return bool(self.user or self.role or self.group)

    def parts(self, history: History, workspace: str) -> Iterator[tuple[Link, Sequence[Entry]]]:
        """The runs that did something about it, oldest first, each with these changes."""
        keeps = HistoryFilter(self.role, self.group).keeps
        of_user = self._of_user(history, workspace)
        for link in history.runs(workspace, self.since):
            run = link.run.id
            if of_user is not None:
                entries: Sequence[Entry] = of_user.get(run, ())
            else:
                entries = history.entries(workspace, run)
            kept = list(filter(keeps, entries))
            if kept:
                yield link, kept

    def _of_user(self, history: History, workspace: str) -> dict[str, list[Entry]] | None:
        """Run → what it did to the user; None for every user."""
        if not self.user:
            return None
        by_run: dict[str, list[Entry]] = {}
        for run, entry in history.concerning(workspace, self.user):
            by_run.setdefault(run, []).append(entry)
        return by_run

    def described(self) -> str:
        """In words, as the object of a sentence."""
        things = [
            f"a {what} called {name!r}"
            for what, name in (("role", self.role), ("group", self.group))
            if name
        ]
        parts = [f"a user called {self.user!r}"] if self.user else []
        if things:
            parts.append(" or ".join(things))
        since = f" since {self.since}" if self.since else ""
        return f"{' with '.join(parts)}{since}"
