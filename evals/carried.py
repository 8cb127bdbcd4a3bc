"""How much data a program may carry, in whatever form: one measure, and a bound for each kind.

What a program says with the words of Python and of a training algorithm is its method. The rest is
what its author wrote freely: names, numbers, strings, docstrings and comments, in their order. Its
compressed size is near the most data that can be hidden in it, be it in a thousand readable names,
in the digits of numbers or in text. Data of a few hundred bits hide in any program; no bound on
size finds those.
"""

import builtins
import io
import keyword
import tokenize
import zlib

from ..tasks.library.vocabulary import MODULES

# Twice the largest honest programs, and less than 1,250 bytes of data: bench/hidden_data.py
MOST_CODE = 1_600  # of an algorithm
MOST_WORDS = 3_500  # of an agent, or of what asks a language model: prompts are text
MOST_PROGRAM = 6_000  # of an ordinary program: half as much again as torch's longest optimizers
COMMON = frozenset(
    {
        *(*keyword.kwlist, *keyword.softkwlist, *dir(builtins)),
        *(name for offered in MODULES.values() for name in offered),
        "torch",
        "math",
        "self",
        "dtype",
        "dim",
        "keepdim",
        "step",
        "total",
        "progress",
        "kinds",
    }
)
FREE = (tokenize.STRING, tokenize.NUMBER, tokenize.COMMENT)


def carried(source: str) -> int:
    """Compressed bytes of what the author of a program wrote freely; `source` is Python."""
    return len(zlib.compress("\n".join(_free(source)).encode(errors="replace"), 9))


def _free(source: str) -> list[str]:
    """The tokens of a program that its author chose freely, in order."""
    tokens: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            middle = tokenize.tok_name[token.type] == "FSTRING_MIDDLE"  # Python 3.12 and later
            name = token.type == tokenize.NAME and token.string not in COMMON
            if name or middle or token.type in FREE:
                tokens.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        return [source]  # the parser is the judge of what is Python
    return tokens
