"""An item of `links` that a message suggests."""

import msgspec


def link_line(kind: str, name: str, source: str, entry: str) -> str:
    """An item of `links` as it can be pasted into a file (YAML in flow style)."""
    what = "person" if kind == "user" else "entry"
    return f"{{{kind}: {_quoted(name)}, source: {_quoted(source)}, {what}: {_quoted(entry)}}}"


def _quoted(text: str) -> str:
    r"""As a double-quoted scalar of YAML; one of JSON is one, too."""
    return msgspec.json.encode(text).decode()
