"""Where seeds come from: a run's secret key, a named stream, and a position in it."""

import hashlib
import secrets

from .records import Seed


def fresh_key() -> str:
    """A run key from the operating system's entropy."""
    return secrets.token_hex(16)


def key_from(seed: int) -> str:
    """A run key that anyone who knows `seed` can derive, for runs that must be repeatable."""
    return hashlib.sha256(f"ratchet run {seed}".encode()).hexdigest()[:32]


def draw(key: str, stream: str, count: int, start: int = 0) -> tuple[Seed, ...]:
    """Seeds `start` to `start + count` of a stream; streams of different names never meet."""
    return tuple(
        Seed(train=_number(key, stream, i, "train"), sealed=_number(key, stream, i, "sealed"))
        for i in range(start, start + count)
    )


def _number(key: str, stream: str, index: int, purpose: str) -> int:
    data = f"{key}\n{stream}\n{index}\n{purpose}".encode()
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big") >> 1
