"""What names, labels and annotations may look like. Each rule returns what is wrong, in upstream's words.

Upstream: k8s.io/apimachinery/pkg/util/validation and .../api/validation.
"""

from __future__ import annotations

import re
from functools import lru_cache

LABEL_LENGTH_MAX = 63
SUBDOMAIN_LENGTH_MAX = 253

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"

LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
QUALIFIED_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)

LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character "
    f"(e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LABEL_1035}')"
)

_LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_UNDERSCORE = rf"{_LABEL_UNDERSCORE}(\.{_LABEL_UNDERSCORE})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"

UNDERSCORE_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must "
    "start and end with an alphanumeric character "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_UNDERSCORE}')"
)
WILDCARD_RULE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
    f"(e.g. '*.example.com', regex used for validation is '{_WILDCARD}')"
)
CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_CONFIG_KEY}')"
)
HEADER_RULE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    f"validation is '{_HEADER}')"
)
VARIABLE_RULE = "a valid environment variable name must consist only of printable ASCII characters other than '='"
PORT_MAX = 65535
PORT_RULE = f"must be between 1 and {PORT_MAX}, inclusive"
PORT_NAME_LENGTH_MAX = 15

_underscore_match = re.compile(_SUBDOMAIN_UNDERSCORE).fullmatch
_wildcard_match = re.compile(_WILDCARD).fullmatch
_config_key_match = re.compile(_CONFIG_KEY).fullmatch
_header_match = re.compile(_HEADER).fullmatch
_port_characters_match = re.compile("[-a-z0-9]+").fullmatch
_letter_search = re.compile("[a-z]").search

_label_1035_match = re.compile(_LABEL_1035).fullmatch
_label_match = re.compile(_LABEL).fullmatch
_subdomain_match = re.compile(_SUBDOMAIN).fullmatch
_qualified_match = re.compile(_QUALIFIED).fullmatch
_value_match = re.compile(_VALUE).fullmatch

Problems = tuple[str, ...]


@lru_cache(maxsize=16384)
def dns_label(name: str) -> Problems:
    """The rule for namespaces and containers."""
    problems: Problems = ()
    if len(name) > LABEL_LENGTH_MAX:
        problems = (f"must be no more than {LABEL_LENGTH_MAX} characters",)
    if _label_match(name):
        return problems
    return (*problems, "must not contain dots" if _subdomain_match(name) else LABEL_RULE)


@lru_cache(maxsize=1024)
def dns_1035_label(name: str) -> Problems:
    """The rule for the names of kinds and versions: the first character is a letter."""
    problems: Problems = ()
    if len(name) > LABEL_LENGTH_MAX:
        problems = (f"must be no more than {LABEL_LENGTH_MAX} characters",)
    return problems if _label_1035_match(name) else (*problems, LABEL_1035_RULE)


@lru_cache(maxsize=16384)
def dns_subdomain(name: str) -> Problems:
    """The rule for the names of most objects."""
    problems: Problems = ()
    if len(name) > SUBDOMAIN_LENGTH_MAX:
        problems = (f"must be no more than {SUBDOMAIN_LENGTH_MAX} characters",)
    return problems if _subdomain_match(name) else (*problems, SUBDOMAIN_RULE)


@lru_cache(maxsize=1024)
def path_segment(name: str) -> Problems:
    """The rule for names that only have to fit into a path, such as roles."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{character}'" for character in "/%" if character in name)


@lru_cache(maxsize=16384)
def qualified_name(name: str) -> Problems:
    """The rule for keys of labels and annotations: `example.com/name` or `name`."""
    prefix, slash, rest = name.rpartition("/")
    if prefix.count("/"):
        return (
            "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
            "an alphanumeric character with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    problems: list[str] = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        problems.extend(f"prefix part {problem}" for problem in dns_subdomain(prefix))
    if not rest:
        problems.append("name part must be non-empty")
    elif len(rest) > LABEL_LENGTH_MAX:
        problems.append(f"name part must be no more than {LABEL_LENGTH_MAX} characters")
    if not _qualified_match(rest):
        problems.append(f"name part {QUALIFIED_RULE}")
    return tuple(problems)


@lru_cache(maxsize=16384)
def label_value(value: str) -> Problems:
    """The rule for values of labels."""
    problems: Problems = ()
    if len(value) > LABEL_LENGTH_MAX:
        problems = (f"must be no more than {LABEL_LENGTH_MAX} bytes",)
    return problems if _value_match(value) else (*problems, VALUE_RULE)


def _subdomain_like(name: str, matches: bool, rule: str) -> Problems:
    problems: Problems = ()
    if len(name) > SUBDOMAIN_LENGTH_MAX:
        problems = (f"must be no more than {SUBDOMAIN_LENGTH_MAX} characters",)
    return problems if matches else (*problems, rule)


@lru_cache(maxsize=1024)
def dns_subdomain_with_underscore(name: str) -> Problems:
    """The rule for the domains of a Pod's DNS search list."""
    return _subdomain_like(name, bool(_underscore_match(name)), UNDERSCORE_RULE)


@lru_cache(maxsize=1024)
def wildcard_subdomain(name: str) -> Problems:
    """The rule for hosts with a star: `*.example.com`."""
    return _subdomain_like(name, bool(_wildcard_match(name)), WILDCARD_RULE)


@lru_cache(maxsize=4096)
def config_key(key: str) -> Problems:
    """The rule for keys of ConfigMaps and Secrets, which become names of files."""
    problems: list[str] = []
    if len(key) > SUBDOMAIN_LENGTH_MAX:
        problems.append(f"must be no more than {SUBDOMAIN_LENGTH_MAX} characters")
    if not _config_key_match(key):
        problems.append(CONFIG_KEY_RULE)
    if key in (".", ".."):
        problems.append(f"must not be '{key}'")
    elif key.startswith(".."):
        problems.append("must not start with '..'")
    return tuple(problems)


def header_name(name: str) -> Problems:
    """The rule for names of HTTP headers."""
    return () if _header_match(name) else (HEADER_RULE,)


def variable_name(name: str) -> Problems:
    """The rule for environment variables."""
    return () if all(" " <= character < "\x7f" and character != "=" for character in name) else (VARIABLE_RULE,)


def port_number(number: int) -> Problems:
    """The rule for ports."""
    return () if 0 < number <= PORT_MAX else (PORT_RULE,)


@lru_cache(maxsize=1024)
def port_name(name: str) -> Problems:
    """The rule for names of ports."""
    problems: list[str] = []
    if len(name) > PORT_NAME_LENGTH_MAX:
        problems.append(f"must be no more than {PORT_NAME_LENGTH_MAX} characters")
    if not _port_characters_match(name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _letter_search(name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return tuple(problems)


def port(value: int | str) -> Problems:
    """The rule for ports that may be named."""
    return port_name(value) if isinstance(value, str) else port_number(value)
