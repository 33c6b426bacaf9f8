"""Watches one run: says that it begins, what it planned and did, and how it ended."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from reconcile.app import run_log
from reconcile.app.watching import notify, prometheus
from reconcile.app.watching.metrics import LAST_SUCCESS, Ended, metrics
from reconcile.config import Loaded
from reconcile.model.change import Plan
from reconcile.model.desired import Notify
from reconcile.model.report import Report

_log = logging.getLogger(__name__)


class Watch:
    """One run. Without a metrics file and without `notify` in the files it does nothing."""

    def __init__(
        self,
        command: str,
        metrics_file: Path | None = None,
        *,
        notifies: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`notifies`: whether the receivers in the files learn of it.

        Raises UsageError if the metrics file cannot be written.
        """
        if metrics_file is not None:
            prometheus.check(metrics_file)
        self._command = command
        self._file = metrics_file
        self._notifies = notifies
        self._clock = clock
        self._started = clock()
        self._notify = Notify()
        self._plan: Plan | None = None
        self._report: Report | None = None

    def loaded(self, loaded: Loaded) -> None:
        """The files are read: from here on it is known who is to be notified."""
        if self._notifies and self._notify == Notify():
            self._notify = loaded.desired.notify
            notify.started(self._notify, run_log.current())

    def planned(self, plan: Plan) -> None:
        """There is a plan."""
        self._plan = plan

    def applied(self, report: Report) -> None:
        """The plan was applied, in part at least."""
        self._report = report

    def ended(self, exit_code: int) -> None:
        """The run ends. Writes the metrics file and notifies; never fails."""
        ended = Ended(
            command=self._command,
            run=run_log.current(),
            exit_code=exit_code,
            started=self._started,
            finished=self._clock(),
            plan=self._plan,
            report=self._report,
        )
        if self._file is not None:
            self._write(self._file, ended)
        notify.finished(self._notify, ended)

    def _write(self, file: Path, ended: Ended) -> None:
        """Writes the metrics file; a failure is an error in the log."""
        last = prometheus.earlier(file, LAST_SUCCESS)
        try:
            prometheus.write(file, prometheus.text(metrics(ended, last)))
        except OSError as error:
            _log.error("the metrics file %s cannot be written: %s", file, error.strerror)
