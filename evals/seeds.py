"""Where seeds come from: a run's keys, a named stream, and a position in it.

`steer` may be known to anyone, so that a search can be repeated. What settles a candidate's worth
must not be: the grader's seeds everywhere, and the training seeds of every stream but the screens',
come from `sealed`, which the operating system's entropy made and which no sandbox is told. `data`
follows from it: a task's data (shapes, languages, teachers, worlds) are drawn with that number, so
that nobody can rebuild them from the published source. Only trusted code hears it.

A number has 63 bits. torch's generators take the low 32 of a seed, so a stream of torch's is one of
2^32. Of n of them some two are equal with a chance of about n^2 / 2^33: 0.1 % for 3,000 streams and
10 % for 30,000. Two equal ones are two equal observations among many, which no verdict rests on.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

from .records import Seed

COMMON = "search/common"  # ranks the planted and the kept nodes of a run
SCREENS = re.compile(r"search/\d+(/\d+)?")  # streams whose training seeds may be foreseen


class Keys(NamedTuple):
    """The key that steers a run, and the two that nobody may know; `data` 0 is published data."""

    steer: str
    sealed: str
    data: int = 0

    @classmethod
    def of(cls, key: str, secret: str = "", data: int = 0) -> "Keys":
        """Keys of a run; runs of version 1 have no secret and used one key for both."""
        return cls(key, secret or key, data)

    @classmethod
    def fresh(cls, steer: str = "", sealed: str = "") -> "Keys":
        """Keys from the operating system's entropy, but for those that are given."""
        sealed = sealed or fresh_key()
        return cls(steer or fresh_key(), sealed, data_of(sealed))


def fresh_key() -> str:
    """A run key from the operating system's entropy."""
    return secrets.token_hex(16)


def key_from(seed: int) -> str:
    """A run key that anyone who knows `seed` can derive, for runs that must be repeatable."""
    return hashlib.sha256(f"ratchet run {seed}".encode()).hexdigest()[:32]


def derived_key(key: str, purpose: str) -> str:
    """A key of the same strength, which foretells nothing of the one it follows from."""
    return hashlib.sha256(f"{key}\n{purpose}".encode()).hexdigest()[:32]


def data_of(sealed: str) -> int:
    """The number that a run with this secret draws its data with; never 0."""
    return _number(sealed, "data", 0, "data") or 1


def draw(keys: Keys, stream: str, count: int, start: int = 0) -> tuple[Seed, ...]:
    """Seeds `start` to `start + count` of a stream; streams of different names never meet."""
    train = keys.steer if SCREENS.fullmatch(stream) else keys.sealed
    return tuple(
        Seed(
            train=_number(train, stream, i, "train"),
            sealed=_number(keys.sealed, stream, i, "sealed"),
            data=keys.data,
        )
        for i in range(start, start + count)
    )


def _number(key: str, stream: str, index: int, purpose: str) -> int:
    data = f"{key}\n{stream}\n{index}\n{purpose}".encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") >> 1
