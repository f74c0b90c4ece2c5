"""int(), string() and their kin, size(), type(), dyn(). Upstream: cel-go common/types, ConvertToType of each."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from kubesim.apiserver.cel.errors import EvaluationError
from kubesim.apiserver.cel.functions.overload import Implementation
from kubesim.apiserver.cel.functions.times import duration_text, parse_duration, parse_timestamp, timestamp_text
from kubesim.apiserver.cel.types import Type
from kubesim.apiserver.cel.values import INT_MAX, INT_MIN, UINT_MAX, Opaque, UInt, type_of

_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_EXPONENT_MAX = 21  # Go writes longer numbers with an exponent.


def to_int(value: Any) -> int:
    """Towards zero; text in decimal."""
    if isinstance(value, str):
        return _integer(value, INT_MIN, INT_MAX, "ParseInt")
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, float) and not math.isfinite(value):
        raise EvaluationError("integer overflow")
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise EvaluationError("integer overflow")
    return number


def to_uint(value: Any) -> UInt:
    """The same without a sign."""
    if isinstance(value, str):
        return UInt(_integer(value, 0, UINT_MAX, "ParseUint"))
    if (isinstance(value, float) and not math.isfinite(value)) or not 0 <= int(value) <= UINT_MAX:
        raise EvaluationError("unsigned integer overflow")
    return UInt(value)


def _integer(text: str, smallest: int, largest: int, function: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") and smallest else text
    if not (digits.isascii() and digits.isdigit()):
        raise EvaluationError(f'strconv.{function}: parsing "{text}": invalid syntax')
    number = int(text)
    if not smallest <= number <= largest:
        raise EvaluationError(f'strconv.{function}: parsing "{text}": value out of range')
    return number


def to_double(value: Any) -> float:
    """A float."""
    try:
        return float(value)
    except ValueError:
        raise EvaluationError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None


def to_bool(value: Any) -> bool:
    """What Go's ParseBool takes for true or false."""
    if isinstance(value, str):
        if value not in (*_TRUE, *_FALSE):
            raise EvaluationError(f'strconv.ParseBool: parsing "{value}": invalid syntax')
        return value in _TRUE
    return bool(value)


def to_string(value: Any) -> str:
    """As Go writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return str(value.value if isinstance(value, Opaque) else value)


def double_text(value: float) -> str:
    """Go's %g: 1, 1.5, 1e+21."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 10**_EXPONENT_MAX:
        return str(int(value))
    return repr(value)


def to_bytes(value: Any) -> bytes:
    """UTF-8."""
    return value.encode() if isinstance(value, str) else bytes(value)


def to_timestamp(value: Any) -> datetime:
    """RFC 3339, or seconds since 1970."""
    if isinstance(value, str):
        return parse_timestamp(value)
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise EvaluationError("timestamp overflow") from None


def to_duration(value: Any) -> timedelta:
    """`1h30m`."""
    return parse_duration(value) if isinstance(value, str) else value


def encoded(value: bytes) -> str:
    """Bytes as JSON carries them."""
    return base64.b64encode(value).decode()


def _type(value: Any) -> Type:
    return Type(type_of(value).name)


_FROM = {
    "int": (to_int, ("int", "uint", "double", "string", "timestamp")),
    "uint": (to_uint, ("int", "uint", "double", "string")),
    "double": (to_double, ("int", "uint", "double", "string")),
    "bool": (to_bool, ("bool", "string")),
    "string": (
        to_string,
        ("string", "bool", "int", "uint", "double", "bytes", "timestamp", "duration", "net.IP", "net.CIDR"),
    ),
    "bytes": (to_bytes, ("bytes", "string")),
    "timestamp": (to_timestamp, ("timestamp", "string", "int")),
    "duration": (to_duration, ("duration", "string")),
}
_SIZED = ("string", "bytes", "list(A)", "map(A, B)")

FUNCTIONS: tuple[tuple[str, Implementation], ...] = (
    *((f"{to}({source}): {to}", convert) for to, (convert, sources) in _FROM.items() for source in sources),
    *((f"size({one}): int", len) for one in _SIZED),
    *((f"{one}::size(): int", len) for one in _SIZED),
    ("dyn(A): dyn", lambda value: value),
    ("type(A): type(A)", _type),
)
