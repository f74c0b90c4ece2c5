"""Why a Pod went where it went, or nowhere: the table node by plugin of every attempt, in words and numbers."""

from kubesim.scheduler.explain.preemption_words import preemption_told
from kubesim.scheduler.explain.table import Explanation, NodeRow, explain
from kubesim.scheduler.explain.wire import as_table, told

__all__ = ["Explanation", "NodeRow", "as_table", "explain", "preemption_told", "told"]
