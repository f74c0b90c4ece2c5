"""What the commands that use the bus share: the broker's URL, checked before anything else happens."""

from __future__ import annotations

import importlib.util
import os

import click

from kubesim.bridge.address import AddressError, BrokerAddress, parse_address


def broker(url: str) -> BrokerAddress:
    """The broker that `url` names; a ClickException says what is wrong with it, or with this installation."""
    try:
        address = parse_address(url, os.environ)
        address.tls_context()
    except AddressError as error:
        raise click.UsageError(str(error)) from None
    if importlib.util.find_spec("aiomqtt") is None:
        raise click.UsageError("MQTT needs the package aiomqtt; `pip install 'kubesim[mqtt]'` brings it")
    return address
