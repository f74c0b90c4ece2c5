"""SPDY/3.1 framing, as far as port-forward needs it: streams with headers inside of one connection.

kubectl's port-forward still speaks SPDY, today through a WebSocket whose messages carry its bytes. Frames:
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY and data; header blocks are compressed with a dictionary that both
sides know. Left out: flow control (the library that kubectl uses has none either), priorities, settings.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

VERSION = 3
DATA, SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 2, 3, 4, 6, 7
FIN = 1
HEAD_BYTES = 8
LENGTH_MAX = (1 << 24) - 1
DATA_BYTES_MAX = 32 << 10

_NAMES = (
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection",
    "content-base", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
    "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match",
    "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
    "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after",
    "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
    "www-authenticate", "method", "get", "status",
)  # fmt: skip
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    "iso-8859-1,utf-,*,enq=0."
)


def _prefixed(text: str) -> bytes:
    return struct.pack("!I", len(text)) + text.encode()


# The dictionary of SPDY/3, in the order of its specification.
DICTIONARY = (
    b"".join(
        _prefixed(word)
        for word in (*_NAMES, "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
    )
    + _TAIL.encode()
)


class SpdyError(Exception):
    """Bytes that are no SPDY."""


class SpdyFrame(NamedTuple):
    """What a frame says. `kind` DATA is no control frame."""

    kind: int
    stream: int
    is_last: bool = False
    headers: Mapping[str, str] = {}
    data: bytes = b""


class Framer:
    """Both directions of one connection, seen from the server."""

    def __init__(self) -> None:
        self._buffer = b""
        self._inflater = zlib.decompressobj(zdict=DICTIONARY)
        self._deflater = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[SpdyFrame]:
        """The frames that are complete now; SpdyError if these are none."""
        self._buffer += data
        while len(self._buffer) >= HEAD_BYTES:
            first, second = struct.unpack_from("!II", self._buffer)
            length = second & LENGTH_MAX
            if len(self._buffer) < HEAD_BYTES + length:
                return
            body, self._buffer = self._buffer[HEAD_BYTES : HEAD_BYTES + length], self._buffer[HEAD_BYTES + length :]
            flags = second >> 24
            if first >> 31:
                if (first >> 16) & 0x7FFF != VERSION:
                    raise SpdyError("another version than 3")
                yield self._control(first & 0xFFFF, flags, body)
            else:
                yield SpdyFrame(DATA, first, bool(flags & FIN), data=body)

    def _control(self, kind: int, flags: int, body: bytes) -> SpdyFrame:
        if len(body) < 4:
            raise SpdyError("a control frame is too short")
        stream: int = struct.unpack_from("!I", body)[0] & 0x7FFFFFFF
        if kind == PING:
            return SpdyFrame(PING, struct.unpack_from("!I", body)[0])
        headers: Mapping[str, str] = {}
        if kind == SYN_STREAM:
            headers = self._headers(body[10:])
        elif kind == SYN_REPLY:
            headers = self._headers(body[4:])
        return SpdyFrame(kind, stream, bool(flags & FIN), headers)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflater.decompress(block)
            (count,) = struct.unpack_from("!I", plain)
            place, found = 4, {}
            for _ in range(count):
                texts = []
                for _half in range(2):
                    (length,) = struct.unpack_from("!I", plain, place)
                    texts.append(plain[place + 4 : place + 4 + length].decode("latin-1"))
                    place += 4 + length
                found[texts[0].lower()] = texts[1]
        except (zlib.error, struct.error) as error:
            raise SpdyError(f"headers cannot be read: {error}") from None
        return found

    def reply(self, stream: int) -> bytes:
        """Accepts a stream."""
        block = self._deflater.compress(struct.pack("!I", 0)) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_REPLY, 0, struct.pack("!I", stream) + block)

    def open(self, stream: int, headers: Mapping[str, str]) -> bytes:
        """Opens a stream: what a client does."""
        plain = struct.pack("!I", len(headers)) + b"".join(_prefixed(k) + _prefixed(v) for k, v in headers.items())
        block = self._deflater.compress(plain) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        return _frame(SYN_STREAM, 0, struct.pack("!IIH", stream, 0, 0) + block)

    @staticmethod
    def data(stream: int, data: bytes, *, is_last: bool = False) -> bytes:
        """Bytes on a stream, in as many frames as it takes."""
        pieces = [data[place : place + DATA_BYTES_MAX] for place in range(0, len(data), DATA_BYTES_MAX)] or [b""]
        frames = [struct.pack("!II", stream, len(piece)) + piece for piece in pieces[:-1]]
        last = (FIN << 24 if is_last else 0) | len(pieces[-1])
        return b"".join(frames) + struct.pack("!II", stream, last) + pieces[-1]

    @staticmethod
    def ping(number: int) -> bytes:
        """Answers a ping."""
        return _frame(PING, 0, struct.pack("!I", number))


def _frame(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("!HHI", 0x8000 | VERSION, kind, flags << 24 | len(body)) + body
