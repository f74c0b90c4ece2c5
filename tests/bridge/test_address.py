from __future__ import annotations

import pytest

from kubesim.bridge.address import AddressError, parse_address


def test_a_url_names_broker_prefix_and_user() -> None:
    """Teaches: one URL, handed to a whole class, says everything."""
    address = parse_address("mqtt://ada:secret@broker.example:1884/school/room-3/", {})
    assert (address.host, address.port, address.prefix) == ("broker.example", 1884, "school/room-3/")
    assert (address.username, address.password, address.tls) == ("ada", "secret", False)


def test_the_password_may_come_from_the_environment_and_is_never_shown() -> None:
    """Teaches: a process list is no place for a password."""
    address = parse_address("mqtts://ada@broker/room", {"KUBESIM_MQTT_PASSWORD": "secret"})
    assert (address.password, address.port) == ("secret", 8883)
    assert "secret" not in f"{address} {address!r}"
    assert str(address) == "mqtts://broker:8883/room"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://broker", '"http://broker" is no broker; write mqtt://HOST:1883/classroom, or mqtts:// for TLS'),
        ("mqtt://", "mqtt:// names no host; write mqtt://HOST:1883/classroom"),
        ("mqtt://a:b@host:99999", "the port in mqtt://a@host:99999 is no number from 1 to 65535"),
        ("mqtt://host:0/a", "the port in mqtt://host:0/a is no number from 1 to 65535"),
        ("mqtt://host/a/%23", '"a/#" cannot stand before topics: use no "+" and no "#", and at most 1024 bytes'),
        ("mqtt://:pw@host", "mqtt://@host has a password and no user; write mqtt://USER:PASSWORD@HOST"),
        ("mqtt://host?cafile=x", "mqtt://host?cafile=x speaks no TLS, so it needs no cafile; write mqtts://"),
        ("mqtts://host?x=1", '"x" is no option of mqtts://host?x=1; there is cafile, certfile, keyfile'),
        ("mqtts://host?keyfile=k", "mqtts://host?keyfile=k has a keyfile and no certfile"),
    ],
)
def test_a_url_that_names_no_broker_is_refused(url: str, sentence: str) -> None:
    """Teaches: an error says what is wrong and what to write, and never shows the password."""
    with pytest.raises(AddressError) as refused:
        parse_address(url, {})
    assert str(refused.value) == sentence


def test_certificates_that_cannot_be_read_are_told_at_once() -> None:
    """Teaches: what would fail later is found before anything starts."""
    with pytest.raises(AddressError, match=r"the certificates of mqtts://host:8883 \(/nowhere\.crt\) cannot be read"):
        parse_address("mqtts://host?cafile=/nowhere.crt", {}).tls_context()
