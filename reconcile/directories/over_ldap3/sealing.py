"""A socket whose bytes Kerberos encrypts (the security layer of SASL, RFC 4422, 3.7), for a connection without TLS."""

import socket

from reconcile.directories.kerberos import LARGEST, Seal


class SealedSocket:
    """What ldap3 and a session need of a socket; what comes is read in pieces and opened one by one."""

    def __init__(self, connected: socket.socket, seal: Seal) -> None:
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
        found, self._opened = self._opened[:size], self._opened[size:]
        return found

    def gettimeout(self) -> float | None:
        """Seconds to wait for the server."""
        return self._socket.gettimeout()

    def shutdown(self, how: int) -> None:
        """Raises OSError where the connection is gone."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Lets go of the connection."""
        self._socket.close()

    def _read(self, size: int) -> bytes:
        """So many bytes, or fewer where the server has closed the connection."""
        found = bytearray()
        while len(found) < size and (chunk := self._socket.recv(size - len(found))):
            found += chunk
        return bytes(found)
