"""Which values of a document are secrets: they are checked without being fetched, and kept out of the fingerprint."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconcile.config import envelopes, expressions, schema
from reconcile.config.envelopes import SecretText
from reconcile.config.expressions import SECRET_FUNCTIONS, Refused
from reconcile.config.findings import Findings
from reconcile.config.merging import Merged
from reconcile.config.nodes import Path
from reconcile.config.wording import Schema, suggestion


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
        """`data` is rendered but for its secrets; `given` are the variables that come from no file."""
        self._data = data
        self._variables = variables
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
        """Adds templates that cannot work, and secrets that stand in files open to everybody, to `findings`."""
        for path, text in self._secrets():
            try:
                unknown = expressions.names(text) - self._variables.keys() - {"vars", *SECRET_FUNCTIONS}
                for name in sorted(unknown):
                    findings.add(path, f"`{name}` is no variable{suggestion(name, self._variables)}")
                for file in () if unknown else self._exposing(path, text):
                    findings.add(
                        path, f"a secret in a file readable by everybody: chmod 600 {file}, or take it from env('…')"
                    )
            except Refused as error:
                findings.add(path, str(error))

    def fingerprint(self) -> dict[str, Any]:
        """The document without its secrets: their templates stand for them, `***` for what is no template.

        The schedule is left out: a plan is the same at any hour.
        """
        hidden: set[str] = set()

        def visit(path: Path, text: str, at: Schema) -> object:
            if not at.get("x-secret"):
                return text
            if expressions.calls(text):
                return envelopes.masked(text)
            value = str(expressions.evaluate(text, self._variables))
            if path[-1] == "url" and not envelopes.password(value):
                return value
            hidden.update(self._variables_of(text))
            return envelopes.masked(value) if path[-1] == "url" else "***"

        planned = {key: value for key, value in self._data.items() if key != "schedule"}
        document = schema.map_text(planned, visit)
        shown = {name: "***" if name in hidden else value for name, value in self._variables.items()}
        return {**document, "vars": shown}

    def _secrets(self) -> Iterator[tuple[Path, str]]:
        found: list[tuple[Path, str]] = []

        def visit(path: Path, text: str, at: Schema) -> object:
            if at.get("x-secret") and not at.get("x-not-supported-yet"):
                found.append((path, text))
            return text

        schema.map_text(self._data, visit)
        yield from found

    def _exposing(self, path: Path, text: str) -> list[str]:
        """The files open to everybody in which a secret stands as it is. Raises Refused."""
        here = self._merged.document(path)
        if expressions.calls(text):
            if not (path[-1] == "url" and envelopes.password(text)):
                return []
            documents = [here]
        else:
            value = str(expressions.evaluate(text, self._variables))
            if not value:
                raise Refused("must not be empty")
            if path[-1] == "url" and not envelopes.password(value):
                return []
            names = self._variables_of(text)
            documents = [self._merged.document(("vars", name)) for name in sorted(names - self._given)]
            if not names or envelopes.rest(text):
                documents.append(here)
        return sorted({document.file for document in documents if document.exposed})

    def _variables_of(self, text: str) -> set[str]:
        """The variables that a template reads, directly or through others. Raises Refused."""
        declared = self._merged.data.get("vars")
        values = declared if isinstance(declared, dict) else {}
        found: set[str] = set()
        pending = [text]
        while pending:
            source = pending.pop()
            names = expressions.names(source)
            if "vars" in names:
                names |= set(re.findall(r"\w+", source))
            for name in (names & self._variables.keys()) - found:
                found.add(name)
                if name not in self._given and isinstance(values.get(name), str):
                    pending.append(values[name])
        return found
