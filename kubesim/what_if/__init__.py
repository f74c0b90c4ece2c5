"""Questions to a cluster, answered by a copy of it in virtual time: drain, crash, scale, and what still fits."""

from kubesim.what_if.answer import Answer, Blocked, Capacity, Move
from kubesim.what_if.asking import Question, ask
from kubesim.what_if.errors import WhatIfError
from kubesim.what_if.fitting import fit
from kubesim.what_if.questions import crash, drain, scale

__all__ = [
    "Answer",
    "Blocked",
    "Capacity",
    "Move",
    "Question",
    "WhatIfError",
    "ask",
    "crash",
    "drain",
    "fit",
    "scale",
]
