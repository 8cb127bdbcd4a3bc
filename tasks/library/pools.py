"""Random streams, and the pools of glyph images and text that examples are drawn from.

A pool is one fixed, large sample from a procedural generator; every seed trains on its own draw
from the training pool and is scored on its sealed draw from the validation pool. All of it follows
from the number in `data_key.py`, which a run draws from its secret: the glyphs' shapes, the
languages, the teachers and every example are then others than this source could make. With the
number 0 they are the published ones.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from data_key import DATA
from torch import Tensor

POOL = 16384
STROKES, TRIES = 7, 100  # that the glyphs of a run share, and combinations of them looked at
INK, APART = (13, 24), 5  # pixels of a drawn glyph, and those in which two at least differ
ALL, NEAREST = (560, 650), (58, 76)  # differing pixels of all pairs, and of all nearest pairs

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


def generator(seed: int, purpose: str, data: int = DATA) -> torch.Generator:
    """An independent random stream for each seed and purpose, and for each number `data`."""
    path = f"{data}/{purpose}/{seed}" if data else f"{purpose}/{seed}"
    digest = hashlib.blake2b(path.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


def draw(seeds: Sequence[int], purpose: str, make: Callable[[torch.Generator], Tensor]) -> Tensor:
    """Stack `make(generator)` over the seeds, along a new first axis."""
    return torch.stack([make(generator(seed, purpose)) for seed in seeds])


def pool_picks(seeds: Sequence[int], steps: int, batch: int) -> Tensor:
    """Which of the training pool's examples each seed meets, `[T, S, B]`."""
    picks = draw(seeds, "examples", lambda g: torch.randint(POOL, (steps, batch), generator=g))
    return picks.transpose(0, 1).contiguous()


def sealed_picks(sealed: Sequence[int], count: int) -> Tensor:
    """Which of the validation pool's examples each seed is scored on, `[S, count]`."""
    return draw(sealed, "sealed", lambda g: torch.randint(POOL, (count,), generator=g))


def published() -> Tensor:
    """The ten published glyphs `[10, 8, 7]`."""
    rows = [line.split() for line in GLYPHS.strip().splitlines()]
    return torch.tensor([[[c == "#" for c in row[i]] for row in rows] for i in range(10)]).float()


def strokes(g: torch.Generator) -> Tensor:
    """`STROKES` different strokes `[STROKES, 8, 7]` between points of the edge and the middle."""
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(7), indexing="ij")
    points = [(row, column) for row in (0, 7, 14) for column in (0, 6, 12)]  # in half pixels
    drawn: dict[tuple[int, ...], Tensor] = {}
    while len(drawn) < STROKES:
        (top, left), (down, right) = (points[i] for i in torch.randperm(9, generator=g)[:2])
        steps = 16
        ink = torch.zeros(8, 7)
        for at in range(steps + 1):  # whole numbers: no machine may round a pixel otherwise
            row = (2 * rows - top) * steps - at * (down - top)
            column = (2 * columns - left) * steps - at * (right - left)
            ink[(row.abs() <= steps) & (column.abs() <= steps)] = 1.0
        if 4 <= ink.sum() <= 10:
            drawn[tuple(ink.flatten().int().tolist())] = ink
    return torch.stack(list(drawn.values()))


def drawn_glyphs(data: int) -> Tensor:
    """Ten glyphs `[10, 8, 7]` of a run, which share strokes as the published ones do.

    Sets are drawn until one is about as hard to tell apart: neither are all of its glyphs far from
    each other, nor do too many of them have a near neighbour.
    """
    g = generator(0, "shapes", data)
    while True:
        pieces, chosen = strokes(g), []
        for _ in range(TRIES):
            count = int(torch.randint(3, 6, (), generator=g))
            glyph = pieces[torch.randperm(STROKES, generator=g)[:count]].amax(0)
            apart = min((int((glyph != other).sum()) for other in chosen), default=56)
            if INK[0] <= glyph.sum() <= INK[1] and apart >= APART and len(chosen) < 10:
                chosen.append(glyph)
        if len(chosen) == 10:
            glyphs = torch.stack(chosen)
            differ = (glyphs[:, None] != glyphs[None]).sum((2, 3))
            nearest = (differ + 56 * torch.eye(10, dtype=torch.int64)).amin(1).sum()
            if ALL[0] <= differ.sum() // 2 <= ALL[1] and NEAREST[0] <= nearest <= NEAREST[1]:
                return glyphs


@cache
def glyph_pool(split: str, jitter: float, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """`POOL` images `[POOL, 100]` noisy and clean, and labels; the splits share no draw."""
    g = generator(0, f"glyphs/{split}/{jitter}/{noise}")
    drawn = drawn_glyphs(DATA) if DATA else published()
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
