"""Random streams, and the pools of glyph images and text that examples are drawn from.

A pool is one fixed, large sample from a procedural generator; every seed trains on its own draw
from the training pool and is scored on its sealed draw from the validation pool.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

POOL, VALIDATION = 16384, 512

GLYPHS = """
..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### ..###.. ..#####
.#...#. ..##... #.....# ......# ....##. #...... .#..... ......# .#...#. .#....#
#.....# .#.#... ......# ......# ...#.#. #...... #...... .....#. #.....# #.....#
#..#..# ...#... .....#. ..####. ..#..#. #####.. #.###.. ....#.. .#####. .#....#
#.....# ...#... ...##.. ......# .#...#. .....#. ##...#. ...#... #.....# ..#####
#.....# ...#... ..#.... ......# ####### ......# #.....# ..#.... #.....# ......#
.#...#. ...#... .#..... #.....# .....#. #....#. .#....# ..#.... .#...#. .....#.
..###.. .#####. ####### .#####. .....#. .####.. ..####. ..#.... ..###.. .####..
"""


def generator(seed: int, purpose: str) -> torch.Generator:
    """An independent random stream for each seed and purpose."""
    digest = hashlib.blake2b(f"{purpose}/{seed}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


def draw(seeds: Sequence[int], purpose: str, make: Callable[[torch.Generator], Tensor]) -> Tensor:
    """Stack `make(generator)` over the seeds, along a new first axis."""
    return torch.stack([make(generator(seed, purpose)) for seed in seeds])


def pool_picks(seeds: Sequence[int], steps: int, batch: int) -> Tensor:
    """Which of the training pool's examples each seed meets, `[T, S, B]`."""
    picks = draw(seeds, "examples", lambda g: torch.randint(POOL, (steps, batch), generator=g))
    return picks.transpose(0, 1).contiguous()


def sealed_picks(sealed: Sequence[int]) -> Tensor:
    """Which of the validation pool's examples each seed is scored on, `[S, VALIDATION]`."""
    return draw(sealed, "sealed", lambda g: torch.randint(POOL, (VALIDATION,), generator=g))


@cache
def glyph_pool(split: str, jitter: float, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """`POOL` images `[POOL, 100]` noisy and clean, and labels; the splits share no draw."""
    g = generator(0, f"glyphs/{split}/{jitter}/{noise}")
    rows = [line.split() for line in GLYPHS.strip().splitlines()]
    drawn = torch.tensor([[[c == "#" for c in row[i]] for row in rows] for i in range(10)]).float()
    labels = torch.randint(10, (POOL,), generator=g)

    def uniform(limit: float) -> Tensor:
        return (2 * torch.rand(POOL, generator=g) - 1) * limit * jitter

    turn, shear = uniform(0.35), uniform(0.3)
    width, height = 1.25 + uniform(0.2), 1.25 + uniform(0.2)
    cos, sin = turn.cos(), turn.sin()
    top = torch.stack([cos * width, (shear - sin) * width, uniform(0.35)], -1)
    bottom = torch.stack([sin * height, cos * height, uniform(0.35)], -1)
    grid = F.affine_grid(torch.stack([top, bottom], 1), [POOL, 1, 10, 10], align_corners=False)
    images = F.grid_sample(drawn[labels].unsqueeze(1), grid, align_corners=False).flatten(1)
    return images + noise * torch.randn(images.shape, generator=g), images, labels


@cache
def text_table(vocabulary: int, language: str) -> Tensor:
    """`[V, V, V]`: the distribution of a symbol after each pair of symbols."""
    g = generator(0, f"language/{language}/{vocabulary}")
    v = vocabulary
    logits = 1.5 * torch.randn(v, 1, v, generator=g) + 1.5 * torch.randn(1, v, v, generator=g)
    return (logits + 0.5 * torch.randn(v, v, v, generator=g)).softmax(-1)


@cache
def text_pool(split: str, vocabulary: int, context: int, language: str) -> Tensor:
    """`POOL` windows `[POOL, context + 1]` of chains that have forgotten their start."""
    g = generator(0, f"text/{split}/{language}")
    cumulative = text_table(vocabulary, language).cumsum(-1)
    symbols = list(torch.randint(vocabulary, (2, POOL // 8), generator=g))
    while len(symbols) < 16 + 8 + context:
        at = torch.rand(POOL // 8, 1, generator=g)
        following = torch.searchsorted(cumulative[symbols[-2], symbols[-1]], at)
        symbols.append(following.squeeze(1).clamp_(max=vocabulary - 1))
    text = torch.stack(symbols[16:], 1)
    return text.unfold(1, context + 1, 1).reshape(-1, context + 1)
