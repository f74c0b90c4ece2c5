from __future__ import annotations

import pytest

from kubesim.dns.corefile import CorefileError, parse
from kubesim.dns.manifests import COREFILE


def test_the_installed_file_serves_the_domain_and_forwards_the_rest() -> None:
    """Teaches: two plugins answer, the others make answering reliable."""
    parsed = parse(COREFILE)
    assert (parsed.domain, parsed.forwards, parsed.hosts) == ("cluster.local", True, {})


def test_hosts_and_rewrites_change_answers() -> None:
    """Teaches: names of one's own need no DNS server of one's own."""
    parsed = parse(
        ".:53 {\n kubernetes my.domain\n hosts {\n  10.0.0.1 a.example b.example\n  fallthrough\n }\n"
        " rewrite name web.old web.default.svc.my.domain\n}\n"
    )
    assert parsed.hosts == {"a.example": "10.0.0.1", "b.example": "10.0.0.1"}
    assert parsed.rewrites == {"web.old": "web.default.svc.my.domain"}
    assert (parsed.domain, parsed.forwards) == ("my.domain", False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Corefile:1 - a server block such as .:53 { is expected"),
        (".:53 {\n kubernetez\n}", "Corefile:2 - Error during parsing: Unknown directive 'kubernetez'"),
        (".:53 {\n errors\n", "Corefile:2 - Error during parsing: Unexpected EOF, expecting '}'"),
    ],
)
def test_a_file_that_is_no_good_is_refused(text: str, sentence: str) -> None:
    """Teaches: a typo in a ConfigMap is found by who reads it."""
    with pytest.raises(CorefileError) as refused:
        parse(text)
    assert str(refused.value) == sentence
