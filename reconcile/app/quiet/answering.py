"""A quiet run: the same is read again, and nothing of it is decoded."""

import logging
from collections.abc import Collection
from contextlib import ExitStack, closing
from typing import cast

import msgspec

from reconcile.app import adapters, inputs
from reconcile.app.quiet import memo as memos
from reconcile.app.quiet import seal
from reconcile.app.quiet.memo import Answer, Memo
from reconcile.app.quiet.parts import Parts, add_history, add_settings, part_of
from reconcile.config import Loaded
from reconcile.errors import PlatformUnreadable, SourceUnreadable
from reconcile.model import desired
from reconcile.model.change import Plan, Scope
from reconcile.model.quiet.trace import Trace
from reconcile.planning.selection.query import query
from reconcile.ports import Progress, Remembering, Traced


class Differs(Exception):
    """The run cannot be quiet. The text names the first part that is another one."""


class Answering:
    """One attempt to answer by a memo."""

    def __init__(
        self,
        memo: Memo,
        loaded: Loaded,
        scope: Scope,
        variables: Collection[str],
        target: Remembering,
        directory: inputs.Opener = adapters.directory,
    ) -> None:
        self._memo = memo
        self._loaded = loaded
        self._scope = scope
        self._variables = variables
        self._target = target
        self._open = directory
        self._parts = Parts(memo.key)
        self._compared = 0

    def plan(self, progress: Progress) -> Plan:
        """The plan that a full run would make now, by the memo; says again what that run said.

        Raises Differs, and SourceUnreadable.
        """
        begun = inputs.now()
        self._in_time(begun)
        add_settings(self._parts, self._loaded, self._scope, self._variables)
        self._compare()
        self._read_platform(begun)
        with ExitStack() as stack:
            sources = {
                source.name: self._read_source(source, progress, stack)
                for source in inputs.chosen_sources(self._loaded.desired, self._scope.sources)
            }
            answer = self._opened()
            for name, adapter in sources.items():
                self._ask_further(name, adapter, answer)
        created = inputs.now()
        self._in_time(created)
        _say_again(answer)
        files, plan = self._loaded.files, answer.plan
        return msgspec.structs.replace(plan, created=created, files=files)

    def _in_time(self, moment: str) -> None:
        if not self._memo.is_valid(moment):
            raise Differs("the time")

    def _compare(self) -> None:
        """Compares the parts that were read since the last comparison."""
        kept = self._memo.parts
        for place, (name, digest) in enumerate(self._parts.kept()):
            if place < self._compared:
                continue
            if place >= len(kept) or kept[place] != (name, digest):
                raise Differs(name)
        self._compared = len(self._parts.read)

    def _read_platform(self, moment: str) -> None:
        workspaces = inputs.chosen_workspaces(self._loaded.desired, self._scope.workspaces)
        try:
            add_history(self._parts, self._loaded, self._target, workspaces, moment)
            self._compare()
            for name in workspaces:
                self._parts.add(f"workspace {name}", self._target.digest(name, self._memo.key))
                self._compare()
        except PlatformUnreadable as error:  # the full run goes on with the others
            raise Differs("the platform, which cannot be read") from error

    def _read_source(self, source: desired.Source, progress: Progress, stack: ExitStack) -> Traced:
        adapter = cast("Traced", stack.enter_context(closing(self._open(source, progress))))
        if getattr(adapter, "ask", None) is None:
            raise Differs(f"the adapter of source {source.name}")
        first = adapter.first_questions(query(self._loaded.desired, source))
        trace = Trace(self._memo.key)
        adapter.ask([question for _, question in first], trace)
        for (what, question), (_, digest) in zip(first, trace.answers(), strict=True):
            self._parts.add(part_of(source.name, what, question), digest)
        self._compare()
        return adapter

    def _opened(self) -> Answer:
        if self._compared != len(self._memo.parts):
            raise Differs("the number of parts")
        try:
            return memos.opened(self._memo, self._parts)
        except seal.Broken as error:
            raise Differs("the memo, which was altered") from error

    def _ask_further(self, name: str, adapter: Traced, answer: Answer) -> None:
        """Asks what the full run asked because of other answers."""
        expected = answer.further.get(name, [])
        if not expected:
            return
        trace = Trace(self._memo.key)
        try:
            adapter.ask([question for question, _ in expected], trace)
        except SourceUnreadable as error:
            raise Differs(f"source {name}: what else was asked") from error
        if trace.answers() != expected:
            raise Differs(f"source {name}: what else was asked")


def _say_again(answer: Answer) -> None:
    for counted in answer.counts:
        inputs.say_source(counted.source, counted.persons, counted.groups, counted.units)
    for said in answer.said:
        logging.getLogger(said.logger).log(said.level, "%s", said.text)
    inputs.say(answer.plan)
