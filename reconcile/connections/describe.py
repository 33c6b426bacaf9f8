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
_RANKS: Final = dict(zip(_FIRST, range(len(_FIRST)), strict=True))


def described(source: desired.Source) -> Settings:
    """The settings of a source with LDAP servers; the CA file without its folder.

        {"name": "corp", "type": "openldap", "servers": ["ldap://ldap.example.com"],
         "tls": {"mode": "starttls", "ca_file": "ca.pem", …}, "users": {"identifier": "uid", …}, …}

    Every key of a source is there but those of its secrets.
    """
    settings = _fields(source)
    ca_file = settings["tls"]["ca_file"]
    settings["tls"]["ca_file"] = PurePath(ca_file).name if ca_file else None
    settings["bind"] = _bind(source.bind)
    settings["active_uac"] = settings["active_uac"] or None  # the file knows no empty list here
    for attribute in settings["users"]["attributes"]:
        if not attribute["roles"]:
            del attribute["roles"]
    return _in_order(settings)


def _bind(bind: desired.Bind) -> Settings:
    """How the source binds, without a secret."""
    if bind.kerberos:
        return present({"kerberos": True, "principal": bind.principal or None})
    return {"anonymous": True} if bind.anonymous else {"dn": bind.dn}


def present(settings: Settings) -> Settings:
    """The settings without those that are not set, in mappings within them too."""
    return {
        key: present(value) if isinstance(value, dict) else value
        for key, value in settings.items()
        if value is not None
    }


def without_defaults(settings: Settings) -> Settings:
    """The settings without those equal to the defaults. `tls` and `bind` stay complete."""
    users = desired.Users(
        fields={key: EntryTemplate(text, frozenset(), _never) for key, text in FIELDS.items()}
    )
    usual = described(desired.Source(name="", type="", base_dn="", users=users))
    short = _pruned(settings, usual)
    short |= present({"tls": settings.get("tls"), "bind": settings.get("bind")})
    # A connection that says `verify: full` says nothing unusual; `none` is always written out.
    if short.get("tls", {}).get("verify") == "full":
        del short["tls"]["verify"]
    return _in_order(short)


def leaves(settings: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is not a mapping, with its path."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def at(settings: Mapping[str, Any], path: Path) -> Any:
    """The value at a path of keys; None where there is none."""
    value: Any = settings
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _in_order(settings: Settings) -> Settings:
    """The settings with those first that say which servers are meant."""
    return {key: settings[key] for key in sorted(settings, key=_rank)}


def _rank(key: str) -> int:
    """Where a key comes in the order of a source; those of no special rank come last."""
    return _RANKS.get(key, len(_RANKS))


def _plain(value: object) -> Any:  # noqa: PLR0911 - one for each kind of value
    """A value of a source as JSON and YAML can write it.

    Raises TypeError for what is no setting: a new kind of secret must not get out.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return int(value) if value.is_integer() else value
        case EntryTemplate():
            return value.text
        case msgspec.Struct():
            return _fields(value)
        case dict():
            return {key: _plain(part) for key, part in value.items()}
        case list() | tuple():
            return list(map(_plain, value))
        case frozenset():
            return sorted(value)
    raise TypeError(f"a {type(value).__name__} is not a setting")


def _fields(struct: msgspec.Struct) -> Settings:
    """The fields of a part of a source, without its secrets."""
    fields = struct.__struct_fields__
    return {name: _plain(getattr(struct, name)) for name in fields if name not in _LEFT_OUT}


def _pruned(settings: Settings, usual: Settings) -> Settings:
    """The settings that are set and differ from the usual ones."""
    kept: Settings = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            differing = _pruned(value, usual.get(key) or {})
            kept |= {key: differing} if differing else {}
        elif value is not None and not same(value, usual.get(key)):
            kept[key] = value
    return kept


def same(value: Any, other: Any) -> bool:
    """Whether two values mean the same.

    A missing one, false, and an empty text, list or mapping do.
    """
    return value == other or not (value or other)


def _never(entry: object, identifier: str = "") -> None:  # noqa: ARG001 - of any template
    """Takes the place of a template's program."""
    raise AssertionError("a default is compared, never rendered")
