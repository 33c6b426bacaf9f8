"""SASL's security layer (RFC 4422, 3.7): bytes that Kerberos encrypts, without TLS."""

from typing import Final, Protocol

LARGEST: Final = 0xFFFFFF
"""How many bytes the server may send at once when Kerberos encrypts: the maximum of the field."""


class Seal(Protocol):
    """What encrypts and signs both directions; each raises OSError."""

    def sealed(self, data: bytes) -> bytes:
        """The bytes to send."""
        ...

    def opened(self, piece: bytes) -> bytes:
        """The content of a received piece."""
        ...


class _Bytes(Protocol):
    def recv(self, size: int) -> bytes: ...
    def sendall(self, data: bytes) -> None: ...


class SealedSocket:
    """A connection over another one, in encrypted pieces; what arrives is read piece by piece."""

    def __init__(self, connected: _Bytes, seal: Seal) -> None:
        self._socket = connected
        self._seal = seal
        self._opened = b""

    def sendall(self, data: bytes) -> None:
        """Raises OSError."""
        self._socket.sendall(self._seal.sealed(data))

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; none once the server has closed the connection. Raises OSError."""
        while not self._opened:
            head = self._read(4)
            if not head:
                return b""
            length = int.from_bytes(head, "big")
            if length > LARGEST:
                raise OSError(f"{length} bytes of Kerberos at once")
            piece = self._read(length)
            if len(head) < 4 or len(piece) < length:
                raise OSError("the server closed the connection in the middle of what it encrypted")
            self._opened = self._seal.opened(piece)
        piece, self._opened = self._opened[:size], self._opened[size:]
        return piece

    def _read(self, size: int) -> bytes:
        """So many bytes, or fewer if the server has closed the connection."""
        piece = bytearray()
        while len(piece) < size and (chunk := self._socket.recv(size - len(piece))):
            piece += chunk
        return bytes(piece)
