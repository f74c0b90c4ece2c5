"""What can be wrong with an expression: it does not compile, or it fails for the values at hand."""

from __future__ import annotations


class CompileError(Exception):
    """The expression makes no sense. `text` is cel-go's: `ERROR: <input>:1:6: undefined field 'x'` and a drawing."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class EvaluationError(Exception):
    """The expression has no value for these bindings: `no such key: x`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class CostExceededError(EvaluationError):
    """The expression took more steps than one may take; nothing catches it within the expression."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")
