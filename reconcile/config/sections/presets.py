"""Presets: named sets of defaults that override the built-in ones; a file overrides them.

A type of platform may have such defaults too, outside of its own keys: `x-defaults` of its
definition in the schema. A preset goes before them.

A preset is data: the keys it sets, by their path in the document. It is laid under the rendered
document before that is checked, so a preset's values are checked like those of a file, and are part
of the configuration's digest.
"""

import operator
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconcile.config.schema import schema
from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, mappings, text, texts
from reconcile.config.sections.lifecycle import ends_disabled
from reconcile.config.yaml.nodes import Path, shortened
from reconcile.model.text import dn

_SPECIAL: Final = re.compile(r'[,+"\\<>;=#]')


class Default(NamedTuple):
    """One key of a preset; `*` in the path is every item of a list.

    `{domain}` in a list's text is the part of the source's base DN that names the domain,
    `dc=example,dc=com`. A default with a `source_type` is only for sources of that type.
    """

    path: str
    value: str | bool | int | list[Any]
    source_type: str = ""


PRESETS: Final[Mapping[str, tuple[Default, ...]]] = MappingProxyType(
    {
        "processmaker": (
            Default("sources.*.users.fields.username", "{{ identifier }}"),
            # It leaves a field alone for which the directory has nothing.
            Default("sources.*.users.when_absent", "keep"),
            Default("sources.*.active_uac", [512, 544, 66048, 66080], "active_directory"),
            Default("departments.*.role", "operator"),
            Default("groups.*.members", "authoritative"),
            Default("roles.on_existing", "keep"),
            Default("lifecycle.on_missing", "erase"),
            Default("lifecycle.on_disabled", "deactivate"),
            # That platform has no status `blocked`.
            Default("lifecycle.on_source_removed", "deactivate"),
            Default("lifecycle.adopt_local", "never"),
        ),
        "vmmanager": (
            Default("sources.*.users.fields.username", "{{ identifier }}@{{ domain }}"),
            Default(
                "sources.*.users.require_groups",
                ["cn=Users,cn=Builtin,{domain}"],
                "active_directory",
            ),
            Default("roles.mode", "single"),
            Default("roles.on_existing", "enforce"),
            Default("roles.authoritative", True),
            Default("lifecycle.on_missing", "block"),
            # That platform has no status `inactive`.
            Default("lifecycle.on_out_of_scope", "block"),
            Default("lifecycle.on_disabled", "block"),
            Default("lifecycle.on_source_removed", "block"),
            Default("lifecycle.on_deleted", "recreate"),
            Default("lifecycle.adopt_local", "always"),
        ),
    }
)


_NOT_DISABLED: Final = Default("sources.*.users.create_disabled", False)


class Applied(NamedTuple):
    """A document with a preset's defaults, the preset's name ("" for none), the paths it filled.

    `platform` and `of_platform` are the same for the type of the platform.
    """

    data: dict[str, Any]
    preset: str
    paths: frozenset[Path]
    platform: str = ""
    of_platform: frozenset[Path] = frozenset()
    of_lifecycle: frozenset[Path] = frozenset()
    """What follows from `lifecycle.on_disabled`."""

    def origin(self, path: Path) -> str:
        """What sets the value at a path, such as `preset vmmanager`; "" if it is no preset."""
        above = {path[:length] for length in range(1, len(path) + 1)}
        if above & self.paths:
            return f"preset {self.preset}"
        if above & self.of_platform:
            return f"platform {self.platform}"
        return "lifecycle.on_disabled" if above & self.of_lifecycle else ""


def apply(data: dict[str, Any]) -> Applied:
    """The rendered document with the defaults of its preset and its type of platform.

    `data` itself stays as it is.
    Works on documents with problems too: what has the wrong type is left alone.
    """
    name = text(data, "preset")
    paths: list[Path] = []
    for default in PRESETS.get(name, ()):
        data = _Filling(default, paths).into(data, _steps(default), (), {})
    platform = text(mapping(data, "platform"), "type")
    of_platform: list[Path] = []
    for key, value in schema.platform_defaults(platform).items():
        default = Default(key, value)
        data = _Filling(default, of_platform).into(data, _steps(default), (), {})
    of_lifecycle: list[Path] = []
    if ends_disabled(mapping(data, "lifecycle")):
        # Otherwise the next run would create a user again whose person is still disabled.
        data = _Filling(_NOT_DISABLED, of_lifecycle).into(data, _steps(_NOT_DISABLED), (), {})
    preset = name if name in PRESETS else ""
    return Applied(
        data,
        preset,
        frozenset(paths),
        platform,
        frozenset(of_platform),
        frozenset(of_lifecycle),
    )


def _steps(default: Default) -> tuple[str, ...]:
    """The path of a default, step by step."""
    return tuple(default.path.split("."))


def check(applied: Applied, findings: Findings) -> None:
    """Adds groups that a preset requires but that the source's search does not cover."""
    for index, source in mappings(applied.data, "sources"):
        path: Path = ("sources", index)
        required = (*path, "users", "require_groups")
        is_sound = not findings.touch((*path, "base_dn")) and not findings.touch((*path, "groups"))
        if required in applied.paths and is_sound:
            for message in _not_searched(source, applied.preset):
                findings.add(required, message)


def _not_searched(source: Values, preset: str) -> Iterator[str]:
    """What to say of each required group that is not below where groups are searched."""
    searched = dn.join(text(mapping(source, "groups"), "base"), text(source, "base_dn"))
    for _, group in texts(mapping(source, "users"), "require_groups"):
        if not dn.is_below(_wide(group), _wide(searched)):
            yield (
                f"preset {preset} takes members of {shortened(group)} only, "
                f"but groups are searched below {shortened(searched)}: widen base_dn or "
                "groups.base, or say which groups it is ([] for none)"
            )


def _wide(name: str) -> str:
    """A DN in the form in which those that any server takes for one are equal."""
    return dn.wide(dn.normalize(name), "compatibility")


class _Filling:
    """Sets one default that the document does not have."""

    def __init__(self, default: Default, paths: list[Path]) -> None:
        """Adds the paths that it fills to `paths`."""
        self._default = default
        self._paths = paths

    def into(self, value: Any, steps: tuple[str, ...], path: Path, source: Values) -> Any:
        """`value` with the default at `steps` below it, as a part of `source`."""
        step, *rest = steps
        if step == "*":
            return self._into_items(value, tuple(rest), path)
        if not isinstance(value, dict):
            return value
        if not rest:
            return self._into_key(value, step, path, source)
        below = value.get(step, [] if rest[0] == "*" else {})
        filled = self.into(below, tuple(rest), (*path, step), source)
        return value if filled is below else {**value, step: filled}

    def _into_key(self, value: Values, key: str, path: Path, source: Values) -> Values:
        """A mapping with the default of a key that it does not have."""
        default = None if key in value else self._value(source)
        if default is None:
            return value
        self._paths.append((*path, key))
        return {**value, key: default}

    def _into_items(self, value: Any, steps: tuple[str, ...], path: Path) -> Any:
        """A list with the default in each of its items; of `sources` each item is the source."""
        if not isinstance(value, list):
            return value
        items = []
        for index, item in enumerate(value):
            source = item if isinstance(item, dict) else {}
            items.append(self.into(item, steps, (*path, index), source))
        is_same = all(map(operator.is_, items, value))
        return value if is_same else items

    def _value(self, source: Values) -> Any:
        """The default's value; None if it is not for this source."""
        value = self._default.value
        if self._default.source_type not in ("", text(source, "type")):
            return None
        if not isinstance(value, list) or "{domain}" not in str(value):
            return value
        domain = _domain(text(source, "base_dn"))
        if not domain:
            return None  # the base DN is missing or none, and the checks say so
        return [item.replace("{domain}", domain) for item in value]


def _domain(base_dn: str) -> str:
    """The `dc` part of a base DN, all of it if there is none; "" for text that is not a DN."""
    try:
        pairs = [pair for rdn in dn.parse(base_dn) for pair in rdn]
    except ValueError:
        return ""
    components = [_SPECIAL.sub(r"\\\g<0>", value) for name, value in pairs if name.lower() == "dc"]
    return ",".join(f"dc={component}" for component in components) or base_dn
