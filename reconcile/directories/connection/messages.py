"""LDAP's messages as bytes (RFC 4511 in BER, X.690).

Answers are read in one pass and without copies; of requests, only those of a bind are written.
ldap3 decodes every value twice, as text and raw, through a tree of tuples; that takes two thirds of
the time of a large read. What follows reads only what answers a search, ten times faster, and
trusts nothing: every length must fit exactly into what surrounds it, or Malformed is raised.
Lengths of indefinite form do not occur in LDAP.
"""

from functools import lru_cache
from typing import NamedTuple, TypeAlias

from reconcile.directories.errors import Result
from reconcile.directories.search.search import RawEntry

ENTRY, DONE, REFERENCE, BOUND, EXTENDED, INTERMEDIATE = 0x64, 0x65, 0x73, 0x61, 0x78, 0x79
_BIND, _UNBIND, _EXTEND = 0x60, 0x42, 0x77
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_BOOLEAN, _INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE, _SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
_CONTROLS, _REFERRAL = 0xA0, 0xA3
_SIMPLE, _SASL, _CREDENTIALS, _EXTENSION = 0x80, 0xA3, 0x87, 0x80
LARGE = 1 << 20
"""From this many bytes on, it is worth counting what is in an entry."""
MOST_ATTRIBUTES = 1000
"""How many attributes an entry may have; only the requested ones are sent."""
MOST_VALUES = 2_000_000
"""How many values an entry may have: a group of a million members has fewer."""
PAGED_RESULTS = "1.2.840.113556.1.4.319"


class Malformed(ValueError):
    """The bytes are not what LDAP allows here."""


class Message(NamedTuple):
    """Where the value of one message's operation is in the bytes.

    `end` is where the message ends, controls included, and `at` where the operation begins with its
    tag.
    """

    id: int
    operation: int
    start: int
    stop: int
    end: int
    at: int = 0


Slice: TypeAlias = tuple[bytes, int, int]
"""The bytes that a message came in; where its operation begins there, and where it ends."""


def size(data: bytes, position: int) -> int:
    """How many bytes the message at `position` has; 0 while too few have arrived to know."""
    available = len(data) - position
    if available < 2:
        return 0
    if data[position] != _SEQUENCE:
        raise Malformed(f"a message starts with 0x30, not with {data[position]:#04x}")
    length = data[position + 1]
    if length < 0x80:
        return length + 2
    digits = length & 0x7F
    if not 1 <= digits <= 4:
        raise Malformed(f"a length of {digits} bytes")
    if available < digits + 2:
        return 0
    return int.from_bytes(data[position + 2 : position + 2 + digits], "big") + digits + 2


def span(data: bytes, position: int, end: int, tag: int) -> tuple[int, int]:
    """Where the value of the element at `position` starts and stops.

    It must have the tag and lie before `end`.
    """
    start = position + 2
    if start > end or data[position] != tag:
        raise Malformed(f"no element {tag:#04x} at byte {position}")
    length = data[position + 1]
    if length > 0x7F:
        digits = length & 0x7F
        start += digits
        if not 1 <= digits <= 4 or start > end:
            raise Malformed(f"a length of {digits} bytes at byte {position}")
        length = int.from_bytes(data[start - digits : start], "big")
    stop = start + length
    if stop > end:
        raise Malformed(f"the element at byte {position} is cut off")
    return start, stop


def message(data: bytes, position: int, end: int) -> Message:
    """What the message between `position` and `end` is."""
    start, stop = span(data, position, end, _SEQUENCE)
    id_start, id_stop = span(data, start, stop, _INTEGER)
    if stop != end or not 1 <= id_stop - id_start <= 4 or id_stop >= stop:
        raise Malformed("a message without number or operation")
    operation = data[id_stop]
    start, stop = span(data, id_stop, end, operation)
    return Message(
        int.from_bytes(data[id_start:id_stop], "big"), operation, start, stop, end, id_stop
    )


def entries(data: bytes, position: int, number: int) -> tuple[list["Slice"], int]:
    """The small messages from `position` on that answer a request with an entry, and their end.

    Only their heads are read: nine of ten messages are of this kind, and `message` takes four times
    as long. A message that looks different, or is incomplete, is left to `message`.
    """
    slices: list[Slice] = []
    mark = bytes((*_number(number), ENTRY))
    before = len(mark) - 1
    begins, available = data.startswith, len(data)
    while position + 6 < available and data[position] == _SEQUENCE:
        length, start = data[position + 1], position + 2
        if length > 0x7F:
            digits = length & 0x7F
            if not 1 <= digits <= 4:
                break
            start += digits
            length = int.from_bytes(data[start - digits : start], "big")
        stop = start + length
        if stop > available or length > LARGE or not begins(mark, start):
            break
        slices.append((data, start + before, stop))
        position = stop
    return slices, position


@lru_cache(maxsize=1024)
def _name(description: bytes) -> str:
    # Names repeat with every entry; a lookup costs less than decoding them.
    return description.decode("utf-8").lower()


def entry(data: bytes, start: int, stop: int) -> RawEntry:
    """A SearchResultEntry, whose value is between `start` and `stop`."""
    position, end = span(data, start, stop, _OCTETS)
    dn = data[position:end]
    position, end = span(data, end, stop, _SEQUENCE)
    if end != stop:
        raise Malformed("something follows the attributes of an entry")
    attributes: dict[str, list[bytes]] = {}
    while position < end:
        position, attribute_end = span(data, position, end, _SEQUENCE)
        name_start, name_stop = span(data, position, attribute_end, _OCTETS)
        position, values_end = span(data, name_stop, attribute_end, _SET)
        if values_end != attribute_end:
            raise Malformed("something follows the values of an attribute")
        values = attributes.setdefault(_name(data[name_start:name_stop]), [])
        while position < values_end:
            # The short form of a length, written out: most values are shorter than 128 bytes.
            value_start = position + 2
            if (
                value_start <= values_end
                and data[position] == _OCTETS
                and data[position + 1] < 0x80
            ):
                value_stop = value_start + data[position + 1]
                if value_stop > values_end:
                    raise Malformed(f"the value at byte {position} is cut off")
            else:
                value_start, value_stop = span(data, position, values_end, _OCTETS)
            values.append(data[value_start:value_stop])
            position = value_stop
    if len(attributes) > MOST_ATTRIBUTES:
        raise Malformed(
            f"an entry of {len(attributes)} attributes, more than the {MOST_ATTRIBUTES} it may have"
        )
    return RawEntry.of(dn.decode("utf-8"), attributes)


def count(data: bytes, start: int, stop: int) -> None:
    """Raises Malformed for an entry with more attributes or values than one may have.

    Each takes memory of its own. Only worth the time for large entries.
    """
    _, end = span(data, start, stop, _OCTETS)
    position, end = span(data, end, stop, _SEQUENCE)
    attributes = values = 0
    while position < end:
        inner, position = span(data, position, end, _SEQUENCE)
        _, inner = span(data, inner, position, _OCTETS)
        inner, values_end = span(data, inner, position, _SET)
        attributes += 1
        while inner < values_end:
            _, inner = span(data, inner, values_end, _OCTETS)
            values += 1
            if values > MOST_VALUES:
                raise Malformed(f"an entry of more than the {MOST_VALUES} values it may have")
        if attributes > MOST_ATTRIBUTES:
            raise Malformed(f"an entry of more than the {MOST_ATTRIBUTES} attributes it may have")


def result(data: bytes, start: int, stop: int) -> Result:
    """The LDAPResult that SearchResultDone is, and that a notice of disconnection begins with."""
    return _result(data, start, stop)[0]


def bound(data: bytes, start: int, stop: int) -> tuple[Result, bytes]:
    """The result of a bind, and what its mechanism says."""
    outcome, end = _result(data, start, stop)
    if end == stop:
        return outcome, b""
    position, end = span(data, end, stop, _CREDENTIALS)
    if end != stop:
        raise Malformed("something follows what the mechanism of a bind says")
    return outcome, data[position:end]


def _result(data: bytes, start: int, stop: int) -> tuple[Result, int]:
    """A result, and where it ends."""
    position, end = span(data, start, stop, _ENUMERATED)
    if (
        not 1 <= end - position <= 4 or data[position] > 0x7F
    ):  # empty is not 0, and no code is negative
        raise Malformed(
            "a result code of the bytes "
            f"{data[position : min(end, position + 9)].hex() or '(none)'}"
        )
    code = int.from_bytes(data[position:end], "big")
    position, end = span(data, end, stop, _OCTETS)
    matched = data[position:end].decode("utf-8", "replace")
    position, end = span(data, end, stop, _OCTETS)
    text = data[position:end].decode("utf-8", "replace")
    referrals: tuple[str, ...] = ()
    if end < stop and data[end] == _REFERRAL:
        position, end = span(data, end, stop, _REFERRAL)
        referrals = urls(data, position, end)
    return Result(code, matched, text, referrals), end


def urls(data: bytes, start: int, stop: int) -> tuple[str, ...]:
    """The URLs of a SearchResultReference or of a referral."""
    texts = []
    while start < stop:
        position, start = span(data, start, stop, _OCTETS)
        texts.append(data[position:start].decode("utf-8", "replace"))
    return tuple(texts)


def cookie(data: bytes, message: Message) -> bytes | None:
    """The cookie of a message's paged results control; None without that control."""
    if message.stop == message.end:
        return None
    position, end = span(data, message.stop, message.end, _CONTROLS)
    while position < end:
        start, position = span(data, position, end, _SEQUENCE)
        name_start, name_stop = span(data, start, position, _OCTETS)
        if data[name_start:name_stop] != PAGED_RESULTS.encode():
            continue
        if name_stop < position and data[name_stop] == _BOOLEAN:
            _, name_stop = span(data, name_stop, position, _BOOLEAN)
        start, stop = span(data, name_stop, position, _OCTETS)
        start, stop = span(data, start, stop, _SEQUENCE)
        _, size_stop = span(data, start, stop, _INTEGER)
        start, stop = span(data, size_stop, stop, _OCTETS)
        return data[start:stop]
    return None


def _element(tag: int, *parts: bytes) -> bytes:
    value = b"".join(parts)
    if len(value) < 0x80:
        return bytes((tag, len(value))) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + value


def _number(value: int) -> bytes:
    return _element(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _request(number: int, tag: int, *parts: bytes) -> bytes:
    return _element(_SEQUENCE, _number(number), _element(tag, *parts))


def start_tls(number: int) -> bytes:
    """The request for TLS (RFC 4511, 4.14)."""
    return _request(number, _EXTEND, _element(_EXTENSION, _START_TLS))


def simple_bind(number: int, name: str, password: bytes) -> bytes:
    """A bind with a password; without name and password an anonymous one."""
    return _request(
        number, _BIND, _number(3), _element(_OCTETS, name.encode()), _element(_SIMPLE, password)
    )


def sasl_bind(number: int, mechanism: str, said: bytes) -> bytes:
    """One message of a bind by a mechanism of SASL."""
    with_it = _element(_SASL, _element(_OCTETS, mechanism.encode()), _element(_OCTETS, said))
    return _request(number, _BIND, _number(3), _element(_OCTETS), with_it)


def goodbye(number: int) -> bytes:
    """Says that no more requests follow; there is no answer."""
    return _request(number, _UNBIND)
