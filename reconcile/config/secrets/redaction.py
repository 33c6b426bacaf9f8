"""The secrets of a document: checked without being fetched, and kept out of the fingerprint."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from reconcile.config.schema import schema
from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import mapping
from reconcile.config.schema.wording import Schema
from reconcile.config.secrets import secret as envelopes
from reconcile.config.secrets.secret import SecretText
from reconcile.config.templates import config_templates
from reconcile.config.templates.config_templates import SECRET_FUNCTIONS, Refused
from reconcile.config.yaml.documents import Document
from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path

MASK: Final = "***"
"""Shown for a secret that is not a template."""
_NOT_PLANNED: Final = frozenset(("schedule", "notify", "quiet_runs"))


class Secrecy:
    """The secrets of one document."""

    def __init__(
        self,
        data: dict[str, Any],
        variables: Mapping[str, Any],
        given: frozenset[str],
        merged: Merged,
        environ: Mapping[str, str],
    ) -> None:
        """`data` is rendered except for its secrets; `given` are variables from `--var`."""
        self._data = data
        self._variables = dict(variables)
        self._given = given
        self._merged = merged
        self._environ = environ

    def secret(self, path: Path, text: str) -> SecretText:
        """The closed envelope of the secret at a path."""
        return envelopes.secret(
            text,
            self._variables,
            folder=self._merged.document(path).folder,
            environ=self._environ,
            problem=lambda message: self._merged.problem(path, message),
        )

    def check(self, findings: Findings) -> None:
        """Adds templates that cannot work, and secrets in files that everyone may read."""
        for path, text in self._secrets():
            try:
                self._check(path, text, findings)
            except Refused as error:
                findings.add(path, str(error))

    def _check(self, path: Path, text: str, findings: Findings) -> None:
        """As `check`, for the secret at one path. Raises Refused."""
        known = self._variables.keys() | {"vars", *SECRET_FUNCTIONS}
        unknown = sorted(config_templates.names(text) - known)
        for name in unknown:
            findings.add(path, config_templates.unknown_variable(name, self._variables))
        if unknown:
            return
        for file in self._exposing(path, text):
            findings.add(
                path,
                f"a secret in a file that everyone can read: chmod 600 {file}, "
                "or take it from env('…')",
            )

    def fingerprint(self) -> dict[str, Any]:
        """The document without its secrets: as their templates, or `***` for what is no template.

        The schedule, quiet runs and the receivers of notifications are left out: they change no
        plan.
        """
        hidden: set[str] = set()

        def visit(path: Path, text: str, at: Schema) -> object:
            """A secret without what it holds; any other text as it is."""
            if not at.get("x-secret"):
                return text
            if not self._open(path, text):
                hidden.update(self._variables_of(text))
            return self._closed(path, text)

        planned = {key: value for key, value in self._data.items() if key not in _NOT_PLANNED}
        document = schema.map_text(planned, visit)
        return {**document, "vars": self._masked(hidden)}

    def shown(self) -> dict[str, Any]:
        """The document as it may be shown: values made from secrets are masked, too."""
        holding = self._holding()

        def visit(path: Path, text: str, at: Schema) -> object:
            """A text, if no secret can be in it."""
            if at.get("x-secret"):
                return self._closed(path, text)
            if at.get("x-template"):
                return text
            return text if holding.isdisjoint(self._variables_of(self._written(path))) else MASK

        document = schema.map_text(self._data, visit)
        secret = {name for name in self._variables if self._closure({name}) & holding}
        variables = self._masked(secret)
        return {**document, "vars": variables} if variables or "vars" in document else document

    def secret_variables(self) -> frozenset[str]:
        """The variables that secrets are made from, and those made from these. Raises Refused."""
        holding = self._holding()
        return frozenset(name for name in self._variables if self._closure({name}) & holding)

    def _masked(self, names: set[str]) -> dict[str, Any]:
        """The variables, the named ones without what they hold."""
        return self._variables | dict.fromkeys(names & self._variables.keys(), MASK)

    def _open(self, path: Path, text: str) -> bool:
        """Whether a value that may be a secret holds none as it is. Raises Refused."""
        if config_templates.calls(text):
            return True
        return _is_url(path) and not envelopes.password(
            str(config_templates.evaluate(text, self._variables))
        )

    def _closed(self, path: Path, text: str) -> str:
        """The text shown for a secret. Raises Refused."""
        if config_templates.calls(text):
            return envelopes.masked(text)
        if not _is_url(path):
            return MASK
        return envelopes.masked(str(config_templates.evaluate(text, self._variables)))

    def _holding(self) -> set[str]:
        """The variables that secrets are made from. Raises Refused."""
        holding: set[str] = set()
        for path, text in self._secrets():
            if not _is_url(path):
                holding |= self._closure(self._read(self._written(path)))
            elif config_templates.calls(text) or not self._open(path, text):
                holding |= self._holding_url(self._written(path), set())
        return holding

    def _holding_url(self, text: str, seen: set[str]) -> set[str]:
        """The variables that the password in the template of a URL is made from.

        All variables of the template if the password cannot be located.
        """
        parts = envelopes.password_expressions(text)
        if parts is not None:
            return self._closure(set().union(*map(self._read, parts)))
        names = self._read(text) - seen
        seen |= names
        holding = set(names)
        for inner in self._texts_of(names):
            holding |= self._holding_url(inner, seen)
        return holding

    def _secrets(self) -> Iterator[tuple[Path, str]]:
        """Path and text of every secret of the document."""
        secrets: list[tuple[Path, str]] = []

        def visit(path: Path, text: str, at: Schema) -> object:
            """Keeps a secret, and replaces nothing."""
            if at.get("x-secret"):
                secrets.append((path, text))
            return text

        schema.map_text(self._data, visit)
        yield from secrets

    def _exposing(self, path: Path, text: str) -> list[str]:
        """The files readable by everyone that contain a secret in clear text. Raises Refused."""
        if config_templates.calls(text):
            is_written = _is_url(path) and envelopes.password(text)
            documents = [self._merged.document(path)] if is_written else []
        else:
            documents = self._documents_of(path, text)
        return sorted({document.file for document in documents if document.exposed})

    def _documents_of(self, path: Path, text: str) -> list[Document]:
        """The documents in which parts of a secret stand that no function fetches.

        Raises Refused for an empty one.
        """
        value = str(config_templates.evaluate(text, self._variables))
        if not value:
            raise Refused("must not be empty")
        if _is_url(path) and not envelopes.password(value):
            return []
        names = self._variables_of(text)
        documents = [self._merged.document(("vars", name)) for name in names - self._given]
        # The secret's own document has a part of it, if not all comes from variables.
        own = [] if names and not envelopes.rest(text) else [self._merged.document(path)]
        return documents + own

    def _variables_of(self, text: str) -> set[str]:
        """The variables that a template reads, directly or through others. Raises Refused."""
        return self._closure(self._named(config_templates.names(text), text))

    def _read(self, text: str) -> set[str]:
        """Variables a template reads outside arguments of secret functions. Raises Refused."""
        return self._named(config_templates.beside(text), text)

    def _named(self, names: set[str], text: str) -> set[str]:
        """Those of the names in a template that are variables, by `vars.name` too."""
        if "vars" in names:
            names = names | set(re.findall(r"\w+", text))
        return names & self._variables.keys()

    def _closure(self, names: set[str]) -> set[str]:
        """These variables and all that they are made from. Raises Refused."""
        known: set[str] = set()
        pending = set(names)
        while pending:
            name = pending.pop()
            known.add(name)
            for text in self._texts_of({name}):
                pending |= self._named(config_templates.names(text), text) - known
        return known

    def _texts_of(self, names: set[str]) -> Iterator[str]:
        """All texts that the files have for some variables; none for those of `--var`."""
        declared = mapping(self._merged.data, "vars")
        for name in names - self._given:
            yield from _texts(declared.get(name))

    def _written(self, path: Path) -> str:
        """The text in the files that a value comes from, its own or a parent's; "" for no text."""
        value: Any = self._merged.data
        for step in path:
            if isinstance(value, dict):
                value = value.get(str(step))
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
        return value if isinstance(value, str) else ""


def _texts(value: object) -> Iterator[str]:
    """All texts within a value."""
    match value:
        case str():
            yield value
        case dict():
            yield from chain.from_iterable(map(_texts, value.values()))
        case list():
            yield from chain.from_iterable(map(_texts, value))


def _is_url(path: Path) -> bool:
    """Whether the value is a database URL, of which only the password is secret."""
    return path[-1] in ("url", "state")
