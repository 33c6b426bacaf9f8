"""The whole configuration: values of the files, defaults, and where each value comes from."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from reconcile.config.effective import relocate
from reconcile.config.schema import schema
from reconcile.config.schema.typed import Values
from reconcile.config.schema.wording import NOT_YET, Schema
from reconcile.config.secrets.redaction import Secrecy
from reconcile.config.sections import connection
from reconcile.config.sections.presets import Applied
from reconcile.config.templates import config_templates
from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path, written
from reconcile.model import desired

BUILT_IN: Final = "built-in"
GIVEN: Final = "--var"

TypeDefaults: TypeAlias = Callable[[desired.Source], Mapping[str, Any]]
"""What a source has by its type: path within the source, such as `users.filter`, → value; a list
for several values that the file could not express as one."""


class Setting(NamedTuple):
    """One value: a scalar, a list of scalars, or an empty mapping.

    Secrets are shown as `***` or as their templates.

    `origin` is `file:line`, `preset NAME`, `type NAME`, `--var` or `built-in`. `template`: the text
    is rendered later, over entries or for a secret; any other text is literal. A `remark` cannot be
    written in a file: several values for a key that takes one. `item_origins` are those of a list's
    items, if they are written in a file.
    """

    path: Path
    value: Any
    origin: str
    template: bool = False
    remark: bool = False
    item_origins: tuple[str, ...] = ()


class Effective:
    """The settings of one sound document."""

    def __init__(
        self,
        applied: Applied,
        state: desired.DesiredState,
        secrecy: Secrecy,
        merged: Merged,
        given: frozenset[str],
    ) -> None:
        """`applied` is rendered; `state` was built from it; `given` are variables from `--var`."""
        self._applied = applied
        self._state = state
        self._secrecy = secrecy
        self._merged = merged
        self._given = given

    def settings(self, type_defaults: TypeDefaults = lambda _source: {}) -> list[Setting]:
        """Every setting, in the order of the schema, lists in that of the files.

        Raises ConfigError for a path that cannot be made relative to `folder`.
        """
        data = relocate.relocated(self._secrecy.shown(), self._state, self._merged)
        return list(_Walk(data, self._origin, self._state.sources, type_defaults).all())

    @property
    def secret_variables(self) -> frozenset[str]:
        """The names of the variables that secrets are made from."""
        return self._secrecy.secret_variables()

    @property
    def folder(self) -> str:
        """Where relative paths in the settings start."""
        return self._state.platform.folder

    def _origin(self, path: Path) -> str:
        """Where the value at a path comes from, if not from a default."""
        if any(path[:length] in self._applied.paths for length in range(1, len(path) + 1)):
            return f"preset {self._applied.preset}"
        if path[:1] == ("vars",) and not self._given.isdisjoint(path[1:2]):
            return GIVEN
        problem = self._merged.problem(path, "")
        return f"{problem.file}:{problem.line}"


class _Walk:
    """Goes through a document and its schema side by side."""

    def __init__(
        self,
        data: Values,
        origin: Callable[[Path], str],
        sources: tuple[desired.Source, ...],
        type_defaults: TypeDefaults,
    ) -> None:
        """`data` may be shown: nothing in it is secret."""
        self._data = data
        self._origin = origin
        self._sources = sources
        self._type_defaults = [type_defaults(source) for source in sources]

    def all(self) -> Iterator[Setting]:
        """Every setting of the document."""
        yield from self._mapping(self._data, schema.schema(), ())

    def _mapping(self, values: Values, at: Schema, path: Path) -> Iterator[Setting]:
        """The keys in the order of the schema, then those that it does not know."""
        within = schema.of_type(at, values)
        known = within.get("properties", {})
        for key in {**known, **values}:
            here, below = (*path, key), schema.step(within, key)
            if key in values:
                yield from self._value(values[key], below, here)
            elif below.get(NOT_YET) is not True:
                yield from self._default(below, here)

    def _value(self, value: Any, at: Schema, path: Path) -> Iterator[Setting]:
        """What the files say at a path: one setting, or those within a mapping or list."""
        if isinstance(value, dict) and (value or "properties" in at):
            yield from self._mapping(value, at, path)
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            for index, item in enumerate(value):
                yield from self._value(item, schema.step(at, index), (*path, index))
        else:
            number = len(value) if isinstance(value, list) else 0
            origins = tuple(self._origin((*path, index)) for index in range(number))
            template = _is_rendered_later(value, at)
            yield Setting(path, value, self._origin(path), template, item_origins=origins)

    def _default(self, at: Schema, path: Path) -> Iterator[Setting]:
        """What a key has that the files leave out; some keys of a source have it by its type."""
        by_source = self._of_source(path) if path[0] == "sources" else None
        if by_source is not None:
            yield from by_source
        elif "default" in at:
            yield Setting(path, at["default"], BUILT_IN, template="x-template" in at)
        elif "properties" in at and "required" not in at:
            yield from self._mapping({}, at, path)

    def _of_source(self, path: Path) -> list[Setting] | None:
        """The default by the type of a source; [] for a key it cannot have, None for any other."""
        index, name = int(path[1]), written(path[2:])
        source, by_type = self._sources[index], self._type_defaults[index]
        if not connection.has(source.type, str(path[2])):
            return []
        if name in by_type:
            value = by_type[name]
            return [Setting(path, value, f"type {source.type}", remark=isinstance(value, list))]
        if name == "tls.mode":
            return [Setting(path, source.tls.mode, BUILT_IN)]
        return None


def _is_rendered_later(value: Any, at: Schema) -> bool:
    """Whether a value is a template over an entry, or one that gives a secret."""
    if at.get("x-template"):
        return True
    is_secret = isinstance(value, str) and bool(at.get("x-secret"))
    return is_secret and bool(config_templates.calls(value))


def as_data(settings: list[Setting]) -> list[dict[str, Any]]:
    """The settings as mappings of `path` (as people write it), `value` and `origin`."""
    return [
        {"path": written(item.path), "value": item.value, "origin": item.origin}
        for item in settings
    ]
