"""Where a broker is and who we are there: `mqtt://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX][?cafile=…]`.

`mqtts` is MQTT over TLS. The prefix stands before every topic, so that several classrooms share one broker. The
password may stand in the environment variable KUBESIM_MQTT_PASSWORD instead, where no process list shows it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

PASSWORD_VARIABLE = "KUBESIM_MQTT_PASSWORD"
PORTS = {"mqtt": 1883, "mqtts": 8883}
TLS_OPTIONS = ("cafile", "certfile", "keyfile")
PREFIX_BYTES_MAX = 1024


class AddressError(ValueError):
    """The URL is no broker's; the message says what is wrong with it."""


@dataclass(frozen=True)
class BrokerAddress:
    """A broker, and the topic under which everything is published there."""

    host: str
    port: int = 1883
    prefix: str = ""  # "" or "classroom/": ends with the separator.
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    def __str__(self) -> str:
        scheme = "mqtts" if self.tls else "mqtt"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.prefix}".rstrip("/")

    def tls_context(self) -> ssl.SSLContext | None:
        """What TLS trusts and shows; None without TLS. AddressError if a file is no good."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile:
                context.load_cert_chain(self.certfile, self.keyfile)
        except (OSError, ssl.SSLError) as error:
            files = " or ".join(file for file in (self.cafile, self.certfile, self.keyfile) if file)
            raise AddressError(f"the certificates of {self} ({files}) cannot be read: {error}") from None
        return context


def parse_address(url: str, environment: Mapping[str, str]) -> BrokerAddress:
    """The broker that `url` names; AddressError says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise AddressError(f'"{url}" is no broker; write mqtt://HOST:1883/classroom, or mqtts:// for TLS')
    try:
        port = parts.port
        if port == 0:
            raise ValueError
    except ValueError:
        raise AddressError(f"the port in {shown(url)} is no number from 1 to 65535") from None
    if not parts.hostname:
        raise AddressError(f"{shown(url)} names no host; write mqtt://HOST:1883/classroom")
    prefix = unquote(parts.path).strip("/")
    if "+" in prefix or "#" in prefix or "\0" in prefix or len(prefix.encode()) > PREFIX_BYTES_MAX:
        raise AddressError(f'"{prefix}" cannot stand before topics: use no "+" and no "#", and at most 1024 bytes')
    options = tls_options(url, parts.query, parts.scheme)
    password = unquote(parts.password) if parts.password is not None else environment.get(PASSWORD_VARIABLE)
    username = unquote(parts.username) if parts.username else None
    if password is not None and username is None and parts.password is not None:
        raise AddressError(f"{shown(url)} has a password and no user; write mqtt://USER:PASSWORD@HOST")
    return BrokerAddress(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        prefix=f"{prefix}/" if prefix else "",
        username=username,
        password=password if username is not None else None,
        tls=parts.scheme == "mqtts",
        **options,
    )


def tls_options(url: str, query: str, scheme: str) -> dict[str, str]:
    """What stands after the question mark: files for TLS."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in TLS_OPTIONS:
            raise AddressError(f'"{name}" is no option of {shown(url)}; there is {", ".join(TLS_OPTIONS)}')
    if options and scheme != "mqtts":
        raise AddressError(f"{shown(url)} speaks no TLS, so it needs no {next(iter(options))}; write mqtts://")
    if "keyfile" in options and "certfile" not in options:
        raise AddressError(f"{shown(url)} has a keyfile and no certfile")
    return options


def shown(url: str) -> str:
    """The URL without its password."""
    before, at, after = url.rpartition("@")
    scheme, _, who = before.partition("://")
    return f"{scheme}://{who.partition(':')[0]}@{after}" if at else url
