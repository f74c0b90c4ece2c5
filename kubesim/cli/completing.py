"""What a shell completes after our options: names of scenarios. click asks while Tab is pressed, and never else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def scenario_names(_context: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """The library's scenarios that begin so; else the shell offers files."""
    from click.shell_completion import CompletionItem

    from kubesim.scenario import library

    names = [name for name in library() if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]
