"""A source as plain settings: its mapping in a desired-state file, with every value written out.

None is a key that is not set. Secrets are left out, templates over the configuration are replaced
by their results, templates over an entry are kept.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, TypeAlias

import msgspec

from reconcile.config.sections.build import FIELDS
from reconcile.config.templates.entry_templates import EntryTemplate
from reconcile.config.yaml.nodes import Path
from reconcile.model import desired

Settings: TypeAlias = dict[str, Any]

_LEFT_OUT: Final = frozenset(("password", "options", "files"))
_FIRST: Final = ("name", "type", "note", "servers", "tls", "bind", "require_signing", "base_dn")


def described(source: desired.Source) -> Settings:
    """The settings of a source with LDAP servers; the CA file without its folder."""
    settings: Settings = _plain(source)
    ca_file = settings["tls"]["ca_file"]
    settings["tls"]["ca_file"] = PurePath(ca_file).name if ca_file else None
    settings["bind"] = _bind(source.bind)
    settings["active_uac"] = settings["active_uac"] or None  # the file knows no empty list here
    for attribute in settings["users"]["attributes"]:
        if not attribute["roles"]:
            del attribute["roles"]
    return {key: settings[key] for key in sorted(settings, key=_rank)}


def _bind(bind: desired.Bind) -> Settings:
    """How the source binds, without a secret."""
    if bind.kerberos and bind.principal:
        return {"kerberos": True, "principal": bind.principal}
    if bind.kerberos:
        return {"kerberos": True}
    return {"anonymous": True} if bind.anonymous else {"dn": bind.dn}


def without_defaults(settings: Settings) -> Settings:
    """The settings without those equal to the defaults. `tls` and `bind` stay complete."""
    users = desired.Users(
        fields={key: EntryTemplate(text, frozenset(), _never) for key, text in FIELDS.items()}
    )
    usual = described(desired.Source(name="", type="", base_dn="", users=users))
    short = _pruned(settings, usual)
    for key in ("tls", "bind"):
        if key in settings:
            short[key] = _given(settings[key])
    return {key: short[key] for key in sorted(short, key=_rank)}


def leaves(settings: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is not a mapping, with its path."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def at(settings: Mapping[str, Any], path: Path) -> Any:
    """The value at a path; None if there is none."""
    value: Any = settings
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _rank(key: str) -> int:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST)


def _plain(value: object) -> Any:  # noqa: PLR0911 - one for each kind of value
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case EntryTemplate():
            return value.text
        case msgspec.Struct():
            return {
                key: _plain(getattr(value, key))
                for key in value.__struct_fields__
                if key not in _LEFT_OUT
            }
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case frozenset():
            return sorted(value)
        case _:  # a new kind of secret must not get out
            raise TypeError(f"a {type(value).__name__} is not a setting")


def _pruned(settings: Settings, usual: Settings) -> Settings:
    kept = {}
    for key, value in settings.items():
        default = usual.get(key)
        if isinstance(value, dict):
            if left := _pruned(value, default or {}):
                kept[key] = left
        elif value is not None and not same(value, default):
            kept[key] = value
    return kept


def same(value: Any, other: Any) -> bool:
    """Whether two values mean the same: a missing one, false and an empty list do."""
    return value == other or not (value or other)


def _given(settings: Settings) -> Settings:
    return {
        key: value
        for key, value in settings.items()
        if value is not None and (key, value) != ("verify", "full")
    }


def _never(entry: object, identifier: str = "") -> None:  # noqa: ARG001 - it is every template's signature
    raise AssertionError("a default is compared, never rendered")
