"""What an import changes in an existing source, and how it is shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconcile.config.yaml.nodes import Path, written
from reconcile.connections import yaml_edit, yaml_text
from reconcile.connections.describe import Settings


def wishes(
    current: Mapping[str, Any], wanted: Mapping[str, Any], above: Path = ()
) -> Iterable[tuple[Path, Any]]:
    """What to set or remove, without values that are already right."""
    for key, value in wanted.items():
        path = (*above, key)
        now = current.get(key)
        if isinstance(now, dict) and _is_merged(path, now, value):
            yield from wishes(now, value, path)
        elif value is None and now is not None:
            yield path, yaml_edit.ABSENT
        elif value != now and not (now is None and value == []):
            yield path, value


def _is_merged(path: Path, now: Settings, value: object) -> bool:
    """Whether a mapping is changed key by key; another kind of bind replaces the whole one."""
    is_whole = path == ("bind",)
    return isinstance(value, dict) and not (is_whole and now.keys() != value.keys())


def line(path: Path, before: Any, after: Any) -> str:
    """What changes at a path: `tls.mode: starttls → ldaps`."""
    return f"{written(path)}: {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    """A value as YAML has it."""
    is_set = value is not None and value is not yaml_edit.ABSENT
    return yaml_text.inline(value) if is_set else "not set"
