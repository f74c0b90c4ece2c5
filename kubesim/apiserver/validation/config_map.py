"""What is wrong with the data of ConfigMaps and Secrets: keys become names of files, and there is a limit.

Upstream: ValidateConfigMap and ValidateSecret in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.field import each, invalid, too_long
from kubesim.apiserver.validation.names import config_key

BYTES_MAX = 1024 * 1024
CERTIFICATE_MISSING = "tls: failed to find any PEM data in certificate input"
KEY_MISSING = "tls: failed to find any PEM data in key input"


def validate_config_map(data: Mapping[str, str], binary: Mapping[str, str]) -> list[FieldError]:
    """Text and bytes, each key once."""
    problems: list[FieldError] = []
    for key in sorted(data):
        problems += each(f"data[{key}]", key, config_key(key))
        if key in binary:
            problems.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in sorted(binary):
        problems += each(f"binaryData[{key}]", key, config_key(key))
    if sum(len(value.encode()) for value in data.values()) + size_of(binary) > BYTES_MAX:
        problems.append(too_long("[]", BYTES_MAX))
    return problems


def validate_secret_data(data: Mapping[str, str]) -> list[FieldError]:
    """Bytes."""
    problems: list[FieldError] = []
    for key in sorted(data):
        problems += each(f"data[{key}]", key, config_key(key))
    return [*problems, too_long("data", BYTES_MAX)] if size_of(data) > BYTES_MAX else problems


def size_of(data: Mapping[str, str]) -> int:
    """How many bytes the texts in base64 stand for."""
    return sum(len(value) // 4 * 3 - value[-2:].count("=") for value in data.values())
