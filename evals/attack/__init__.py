"""Programs that cheat: what they do to a naive evaluator, and that they do nothing here.

The files, in reading order:

    corpus/      one cheating program a file, with what it cheats at in its docstring
    exploits     read the corpus, and put an exploit around a task's start
    here         run an exploit as a candidate of a real task
    naively      run it in a naive evaluator (naive/), itself in a box
    sight        what was seen there, and whether the exploit worked
"""

from .exploits import Exploit, corpus, select
from .here import COMPANY, DEPENDS, AttackOutcome, Target, planted
from .naively import watch
from .sight import EFFECTS, Sight

__all__ = [
    "COMPANY",
    "DEPENDS",
    "EFFECTS",
    "AttackOutcome",
    "Exploit",
    "Sight",
    "Target",
    "corpus",
    "planted",
    "select",
    "watch",
]
