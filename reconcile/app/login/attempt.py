"""A login: the directory checks the person, then the user on the platform is brought up to date.

The order matters. What the settings decide comes first; then the person is looked up with the
source's own connection; then the attempt is counted, before it is made; then the directory is
asked. Until it has said yes, the answer is never more than "login failed". The password goes into
that one bind and nowhere else.
"""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from reconcile import __version__
from reconcile.app import adapters, run_identity
from reconcile.app import inputs as assembling
from reconcile.app.identity_history import used
from reconcile.app.login.refusal_time import evenly
from reconcile.app.notices import placing
from reconcile.applying import GuardRules, apply
from reconcile.config import Loaded
from reconcile.errors import GuardRefused, Locked, LoginRefused, StalePlan, UsageError
from reconcile.model import desired
from reconcile.model.change import Scope
from reconcile.model.directory import Person
from reconcile.model.login import Login
from reconcile.model.platform import PlatformState, Status, User
from reconcile.model.text.folding import fold_name
from reconcile.planning import Inputs, login
from reconcile.planning.login import LoginDecision
from reconcile.planning.selection.query import query
from reconcile.ports import Directory, ManagedPlatform, Progress, no_progress

log = logging.getLogger(__name__)

LONGEST: Final = 1024
"""Characters of a name or a password; no real one is longer, and a directory need not hash a
megabyte."""
_STATES: Final[Mapping[Status, str]] = {
    "blocked": "the account is blocked",
    "blocked_in_directory": "the account is blocked, because it is disabled in the directory",
    "inactive": "the account is inactive",
    "erased": "the account is erased",
}


def prepare(
    name: str,
    paths: Sequence[Path],
    *,
    source: str,
    workspace: str,
    variables: Mapping[str, str],
    origin: str = "",
    user: str = "",
    contents: Mapping[Path, bytes] = {},
) -> "Entrance":
    """What the files say about a login with this name; connects to nothing.

    Raises UsageError and ConfigError.
    """
    loaded = assembling.configuration(paths, variables, contents)
    if not name.strip():
        raise UsageError("the name is empty: name the user who logs in")
    chosen = login.source_of(loaded.desired.sources, name, source)
    workspaces = assembling.chosen_workspaces(loaded.desired, [workspace] if workspace else [])
    if len(workspaces) > 1:
        raise UsageError(f"there are several workspaces: name one of {', '.join(workspaces)}")
    return Entrance(loaded, name, chosen, workspaces[0], tuple(sorted(variables)), origin, user)


class Entrance(msgspec.Struct, frozen=True):
    """A login of one person, at one source and one workspace."""

    loaded: Loaded
    name: str
    source: desired.Source
    workspace: str
    variables: tuple[str, ...]
    origin: str = ""
    user: str = ""
    """The account that takes the lock; "" for that of the process."""

    def attempt(self, password: str, progress: Progress = no_progress) -> Login:
        """Logs in with the password. Raises LoginRefused, Unreadable and Locked."""
        with evenly(self.source.refuse_login_after):
            return self._let_in(password, progress)

    def _let_in(self, password: str, progress: Progress) -> Login:
        if not _sound(password) or not _sound(self.name):
            # An empty password would be an anonymous bind, which every directory allows (RFC 4513,
            # 5.1.2).
            log.info(
                "login of %r (%s): refused before any server was asked",
                self.name[:LONGEST],
                self.source.name,
            )
            raise _failed()
        with (
            closing(adapters.platform(self.loaded.desired.platform, progress)) as platform,
            closing(adapters.directory(self.source, progress)) as directory,
        ):
            current = platform.read(self.workspace)
            local = fold_name(self.name)
            if any(not user.source and fold_name(user.username) == local for user in current.users):
                raise LoginRefused(
                    "local", f"{self.name} is a local account of the platform, not of a directory"
                )
            inputs = self._checked(password, current, platform, directory)
            with placing(self.loaded):
                verdict = login.judge(_with_strays(inputs, directory))
            self._judged(verdict)
            key = login.attempts_key(self.source, self.name, _person(inputs))
            platform.attempts.passed(self.workspace, key, int(time.time()), self.origin)
            return self._updated(verdict, _person(inputs).external_id, current, platform)

    def _checked(
        self, password: str, current: PlatformState, platform: ManagedPlatform, directory: Directory
    ) -> Inputs:
        """What has to be judged after the bind has succeeded. Raises LoginRefused."""
        state, name = self.loaded.desired, self.source.name
        names = login.names(self.source, self.name, current)
        snapshot = directory.read_person(names, query(state, self.source))
        inputs = Inputs(
            desired=state,
            configuration=self.loaded.digest,
            files=self.loaded.files,
            variables=self.variables,
            scope=Scope((self.workspace,), (name,)),
            snapshots=(snapshot,),
            current=(current,),
            abilities=platform.abilities,
            tool=__version__,
            created=assembling.now(),
            used={self.workspace: used(state.links, current, platform.history)},
        )
        number = len(snapshot.persons)
        person = snapshot.persons[0] if number == 1 and not login.is_excluded(inputs) else None
        key = login.attempts_key(self.source, self.name, person)
        wait = platform.attempts.begin(self.workspace, key, int(time.time()), self.origin)
        if wait:
            log.info(
                "login of %r (%s): too many attempts failed, the next one in %d s",
                self.name,
                name,
                wait,
            )
            raise LoginRefused(
                "wait", f"too many failed logins; try again in {_duration(wait)}", wait
            )
        # An unknown person is asked for, too: it must not take less time to find out.
        dn = person.dn if person is not None else f"cn={secrets.token_hex(8)},{self.source.base_dn}"
        why = directory.refusal(dn, password)
        if person is None:
            why = {0: "the rules find no such person", 1: "on the exclude list"}.get(
                number, f"{number} have this name"
            )
        if why:
            log.info("login of %r (%s) failed: %s", self.name, name, why)
            raise _failed()
        return inputs

    def _judged(self, verdict: LoginDecision) -> None:
        """Raises LoginRefused for a person with the right password who may not log in."""
        user, skip, username = verdict.user, verdict.skip, verdict.username
        if user is not None and user.status in _STATES:
            raise LoginRefused(
                "out_of_service", f"{username} may not log in: {_STATES[user.status]}"
            )
        if verdict.disabled:
            raise LoginRefused(
                "disabled",
                f"{username} may not log in: the account is disabled in {self.source.name}",
            )
        if skip is not None:
            log.info(
                "login of %r (%s): %s: %s", self.name, self.source.name, skip.code, skip.detail
            )
        obstacle = skip.code if skip is not None else verdict.left_out
        if user is None and obstacle:
            raise LoginRefused(
                "not_registered",
                f"{username} may not log in: no account can be created ({obstacle})",
            )
        if user is None and not verdict.wanted:
            raise LoginRefused(
                "not_registered",
                f"{username} may not log in: there is no account, and none is created",
            )
        kept = self.loaded.desired.lifecycle.on_out_of_scope.action == "keep"
        if not verdict.wanted and skip is None and not kept:
            if verdict.doubts:  # it is no longer selected by groups, maybe, that could not be read
                doubts = "; ".join(f"{doubt.code}: {doubt.detail}" for doubt in verdict.doubts)
                log.warning(
                    "%s is logged in and left unchanged, because the read cannot be trusted: %s",
                    username,
                    doubts,
                )
                return
            raise LoginRefused(
                "out_of_service",
                f"{username} may not log in: the rules on {self.source.name} no longer select it",
            )

    def _updated(
        self,
        verdict: LoginDecision,
        external_id: str,
        current: PlatformState,
        platform: ManagedPlatform,
    ) -> Login:
        """The login, with the user brought up to date as far as that is possible now."""
        user = verdict.user
        updated = registered = False
        if verdict.plan.changes:
            updated, hindered = self._applied(verdict, platform)
            current = platform.read(self.workspace)
            user = self._present(verdict, external_id, current, hindered)
            registered = verdict.user is None and updated
        assert user is not None  # noqa: S101 - without one there would be changes, or a refusal
        roles = tuple(sorted(grant.role for grant in current.grants if grant.user == user.id))
        return Login(
            user.username,
            self.workspace,
            self.source.name,
            external_id,
            roles,
            registered,
            updated and not registered,
        )

    def _applied(self, verdict: LoginDecision, platform: ManagedPlatform) -> tuple[bool, str]:
        """Applies what the rules want; returns whether anything was applied, and why not or ""."""
        holder = run_identity.holder(self.user)
        try:
            report = apply(
                verdict.plan,
                platform,
                holder,
                rules=GuardRules(self.loaded.desired, purpose="login"),
                clock=assembling.now,
            )
        except GuardRefused as error:
            if verdict.user is None:
                raise LoginRefused(
                    "not_registered", f"{verdict.username} may not log in: {error}"
                ) from error
            log.warning("%s is left unchanged: %s", verdict.username, error)
            return False, ""
        except (Locked, StalePlan) as error:
            hindered = (
                "the platform was changed in the meantime"
                if isinstance(error, StalePlan)
                else str(error)
            )
            log.info(
                "%s is left unchanged until the next login or run: %s", verdict.username, hindered
            )
            return False, hindered
        for outcome in report.outcomes:
            if outcome.result != "applied":
                log.warning("%s %s: %s", outcome.change.kind, outcome.change.key, outcome.detail)
        return report.count("applied") > 0, ""

    def _present(
        self, verdict: LoginDecision, external_id: str, current: PlatformState, hindered: str
    ) -> User:
        """The user after the changes. Raises LoginRefused; Locked if `hindered` prevented it."""
        user = _user(current, verdict.user, self.source.name, external_id, verdict.username)
        if user is None and hindered:
            raise Locked(
                f"{verdict.username} has no account yet, and none can be created now: try again.\n"
                f"{hindered}"
            )
        if user is None:
            raise LoginRefused(
                "not_registered",
                f"{verdict.username} may not log in: the platform created no account",
            )
        if user.status in _STATES:  # another process was faster
            raise LoginRefused(
                "out_of_service", f"{user.username} may not log in: {_STATES[user.status]}"
            )
        return user


def _sound(text: str) -> bool:
    """Whether a name or password can be one."""
    if not text or "\0" in text or len(text) > LONGEST:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _failed() -> LoginRefused:
    return LoginRefused("failed", "login failed")


def _person(inputs: Inputs) -> Person:
    return inputs.snapshots[0].persons[0]


def _with_strays(inputs: Inputs, directory: Directory) -> Inputs:
    """The inputs, and whether the entries of accounts open to confusion still exist.

    Those are the accounts that the person could get by mistake.
    """
    external_ids, dns = login.doubtful(inputs)
    if not external_ids and not dns:
        return inputs
    strays = directory.find(external_ids, dns)
    snapshot = msgspec.structs.replace(inputs.snapshots[0], strays=strays)
    return msgspec.structs.replace(inputs, snapshots=(snapshot,))


def _user(
    current: PlatformState, before: User | None, source: str, external_id: str, username: str
) -> User | None:
    """The user as it is now: the known one, or the one that the first login created."""
    own = [user for user in current.users if user.source == source]
    if before is not None:
        return next((user for user in own if user.id == before.id), None)
    return next(
        (
            user
            for user in own
            if (
                user.external_id == external_id
                if external_id
                else fold_name(user.username) == fold_name(username)
            )
        ),
        None,
    )


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} min"
