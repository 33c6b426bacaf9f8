"""Damages files at random, the same way for the same seed: byte by byte, line by line, and by what they mean."""

import base64
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import yaml

TOKENS = [
    *(
        b"\0",
        b"\r",
        b"\r\n",
        b"\n",
        b"\n\n",
        b"\t",
        b"\x1b[2J",
        b"\x07",
        b"\x7f",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
    ),
    *(
        token.encode()
        for token in (
            "\ufeff",
            "\u202e",
            "\u2028",
            "\x85",
            "é",
            "😀",
            "\U000e0001",
            "ß",
            "İ",
            "'",
            '"',
        )
    ),
    *(
        b"9" * 40,
        b"-9" * 5,
        b"1e999",
        b"0x7fffffffffffffff",
        b".nan",
        b"010",
        b"true",
        b"null",
        b"~",
        b"{}",
        b"[]",
    ),
    *(b"[" * 300, b"{a: " * 150, b"((((" * 50, b"x" * 5000, b'{"a":' * 200),
    *(
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b"!!python/object:os.system ",
        b"!!binary ",
        b"? ",
        b"- ",
        b"---\n",
        b"...\n",
        b": ",
    ),
    *(
        b"{{ ",
        b" }}",
        b"{% for x in range(9999) %}",
        b"{{ x.__class__ }}",
        b"{# ",
        b"${PATH}",
        b"%s%n",
        b"\\",
        b"\\x00",
    ),
    *(
        b"dn: ",
        b"dn:: ",
        b":: ",
        b":< file:///etc/passwd",
        b" ",
        b"changetype: delete\n",
        b"-\n",
        b"dc=example,dc=com",
    ),
    *(
        b"uid=",
        b",",
        b"+",
        b"=",
        b"\\2c",
        b"#04",
        b"member: ",
        b"../",
        b"/",
        b"*",
        b")(",
        b"sqlite:///x.db",
    ),
]
"""What is put into a file."""
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 10**30, 1.5, float("inf")),
    *(
        "",
        " ",
        "x",
        "\0",
        "\x1b[31m",
        "é" * 300,
        "x" * 70_000,
        "*",
        "{{",
        "{{ x }}",
        "{{ 1/0 }}",
        "{{ range(10**9) }}",
    ),
    *("main", "corp", "10%", "30d", "999999999999d", "dc=example,dc=com"),
    *([], [None], [[]], ["x", "x"], {}, {"a": None}, {"": ""}, {"action": "erase"}, [{}]),
]
"""What a value is replaced by."""


def bytewise(chance: random.Random, data: bytes) -> bytes:
    """A few cuts, copies, swaps and additions."""
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        start = chance.randrange(len(content) + 1)
        stop = min(len(content), start + chance.choice((0, 1, 1, 4, 20, 200)))
        piece = bytes(content[start:stop])
        other = chance.randrange(len(content) + 1)
        match chance.randrange(7):
            case 0:
                del content[start:stop]
            case 1:
                content[other:other] = piece * chance.choice((1, 2, 50))
            case 2:
                content[start:stop] = piece[::-1]
            case 3:
                del content[start:]
            case 4 if piece:
                content[start] ^= 1 << chance.randrange(8)
            case _:
                content[start : chance.choice((start, stop))] = chance.choice(TOKENS)
    return bytes(content)


def linewise(chance: random.Random, data: bytes) -> bytes:
    """Lines are dropped, doubled, swapped, folded, joined or given other ends."""
    lines = data.splitlines(keepends=True) or [b"\n"]
    for _ in range(chance.choice((1, 2, 5))):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                lines[at] = b""
            case 1:
                lines[at] *= chance.choice((2, 3, 100))
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                middle = chance.randrange(len(lines[at]) + 1)
                lines[at] = (
                    lines[at][:middle]
                    + chance.choice((b"\n ", b"\r\n ", b"\n", b"\n\n"))
                    + lines[at][middle:]
                )
            case 4:
                lines[at] = lines[at].rstrip(b"\n")
            case 5:
                lines[at] = chance.choice(TOKENS) + lines[at]
            case 6:
                lines = [line.replace(b"\n", b"\r\n") for line in lines]
    return b"".join(lines)


def based(chance: random.Random, data: bytes) -> bytes:
    """Values of LDIF in base64: as they are, damaged, or no text."""
    lines = data.splitlines()
    for _ in range(chance.choice((1, 3))):
        at = chance.randrange(len(lines))
        name, colon, value = lines[at].partition(b": ")
        if colon:
            value = chance.choice(
                (value, bytewise(chance, value), bytes(chance.randbytes(9)), b"", value * 500)
            )
            coded = base64.b64encode(value)
            lines[at] = (
                name
                + b":: "
                + chance.choice((coded, coded[:-1], coded + b"=", b" ".join((coded, coded))))
            )
    return b"\n".join(lines) + b"\n"


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values within a value are."""
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [place for key, one in inner for place in ((*where, key), *places(one, (*where, key)))]


def changed(chance: random.Random, value: Any) -> Any:
    """Structure: another value, another key, one less, one more, one in the place of another."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        found = places(value)
        if not found:
            return value
        *way, key = chance.choice(found)
        inside = value
        for step in way:
            inside = inside[step]
        match chance.randrange(6):
            case 0:
                del inside[key]
            case 1 if isinstance(inside, dict):
                inside[
                    chance.choice(("x", "", "name", "__class__", "\0", "type", "version", 7, None))
                ] = inside.pop(key)
            case 2 if isinstance(inside, list):
                inside.extend(inside[:] * 2)
            case 3:
                *other, last = chance.choice(found)
                place = value
                for step in other:
                    place = (
                        place[step] if place.__class__ in (dict, list) and _has(place, step) else {}
                    )
                inside[key] = json.loads(json.dumps(place[last])) if _has(place, last) else None
            case _:
                inside[key] = json.loads(json.dumps(chance.choice(VALUES)))
    return value


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, dict) else isinstance(value, list) and len(value) > key


def yaml_changed(chance: random.Random, data: bytes) -> bytes:
    """A YAML file that says something else."""
    value = changed(chance, yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(
        value, Dumper=dumper, allow_unicode=chance.random() < 0.5, sort_keys=False
    ).encode()


def plan_changed(chance: random.Random, data: bytes) -> bytes:
    """A plan file that says something else, and proves it."""
    lines: list[Any] = [json.loads(line) for line in data.splitlines()[:-1]]
    at = chance.randrange(len(lines))
    lines[at] = changed(chance, lines[at])
    if chance.random() < 0.3:
        chance.shuffle(lines)
    return proved(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def proved(body: bytes) -> bytes:
    """The lines of a plan with a footer that fits them."""
    count = {
        kind: body.count(f'"type": "{kind}"'.encode()) for kind in ("change", "skip", "violation")
    }
    footer = {"type": "footer"} | {f"{kind}s": number for kind, number in count.items()}
    return body + json.dumps(footer | {"sha256": hashlib.sha256(body).hexdigest()}).encode() + b"\n"


Mutator = Callable[[random.Random, bytes], bytes]


def mutant(chance: random.Random, data: bytes, ways: Sequence[Mutator]) -> bytes:
    """The data, damaged in one of the ways."""
    return chance.choice(ways)(chance, data)
