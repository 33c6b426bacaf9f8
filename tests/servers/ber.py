"""LDAP messages built by hand (BER), for proxies and stand-ins that a real server would never agree to be."""

from collections.abc import Iterable, Mapping, Sequence

BIND, UNBIND, SEARCH, EXTENDED = 0x60, 0x42, 0x63, 0x77
ENTRY, DONE, REFERENCE, EXTENDED_RESPONSE, BIND_RESPONSE = 0x64, 0x65, 0x73, 0x78, 0x61


def tlv(tag: int, *parts: bytes) -> bytes:
    value = b"".join(parts)
    if len(value) < 0x80:
        return bytes([tag, len(value)]) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def number(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def text(value: str | bytes) -> bytes:
    return tlv(0x04, value.encode() if isinstance(value, str) else value)


def message(id_: int, operation: bytes, controls: bytes = b"") -> bytes:
    return tlv(0x30, number(id_), operation, controls)


def entry(dn: str, attributes: Mapping[str, Sequence[str | bytes]]) -> bytes:
    return tlv(
        ENTRY,
        text(dn),
        tlv(
            0x30,
            *(
                tlv(0x30, text(name), tlv(0x31, *map(text, values)))
                for name, values in attributes.items()
            ),
        ),
    )


def result(
    tag: int = DONE, code: int = 0, matched: str = "", said: str = "", referrals: Iterable[str] = ()
) -> bytes:
    urls = [text(url) for url in referrals]
    return tlv(
        tag, number(code, 0x0A), text(matched), text(said), tlv(0xA3, *urls) if urls else b""
    )


def reference(*urls: str) -> bytes:
    return tlv(REFERENCE, *map(text, urls))


def page_control(cookie: bytes) -> bytes:
    value = tlv(0x30, number(0), text(cookie))
    return tlv(0xA0, tlv(0x30, text("1.2.840.113556.1.4.319"), text(value)))


def complete(data: bytes) -> int:
    """The length of the message that `data` starts with, 0 if it is not all there."""
    if len(data) < 2:
        return 0
    length, head = data[1], 2
    if length >= 0x80:
        head += length - 0x80
        if len(data) < head:
            return 0
        length = int.from_bytes(data[2:head], "big")
    return head + length if len(data) >= head + length else 0


def taken_apart(data: bytes) -> tuple[int, int]:
    """Message number and operation tag of a whole message."""
    position = 2 + (data[1] - 0x80 if data[1] >= 0x80 else 0)
    end = position + 2 + data[position + 1]
    return int.from_bytes(data[position + 2 : end], "big"), data[end]
