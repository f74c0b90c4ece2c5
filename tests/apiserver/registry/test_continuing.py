"""Continue tokens."""

from __future__ import annotations

import pytest

from kubesim.apiserver.registry.continuing import continue_from, continue_token


def test_a_token_says_where_the_next_page_begins() -> None:
    """Teaches: the server keeps nothing between two pages."""
    assert continue_from(continue_token(7, "web\0")) == (7, "web\0")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("bogus", "continue key is not valid: illegal base64 data at input byte 4"),
        ("a b", "continue key is not valid: illegal base64 data at input byte 1"),
        ("abcd", "continue key is not valid: invalid character 'i' looking for beginning of value"),
        ("zzz", "continue key is not valid: invalid character '\u00cf' looking for beginning of value"),
        ("e30", 'continue key is not valid: server does not recognize this encoded version ""'),
        (continue_token(0, "x"), "continue key is not valid: incorrect encoded start resourceVersion "
                                 "(version meta.k8s.io/v1)"),
        (continue_token(5, ""), "continue key is not valid: encoded start key empty (version meta.k8s.io/v1)"),
    ],
)  # fmt: skip
def test_a_token_that_somebody_made_up_is_refused(token: str, words: str) -> None:
    """Teaches: tokens are opaque; the refusal is Go's."""
    with pytest.raises(ValueError) as refusal:
        continue_from(token)
    assert str(refusal.value) == words
