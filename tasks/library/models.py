"""Small models whose parameters carry a leading seed axis: `[S, ...]`, one slice per seed.

Layers are batched matrix products, so one `autograd.grad` of the summed loss gives every seed its
own gradient, and no seed can see another. A model has `shapes` (without the seed axis), `kinds`,
`init(generator)` for one seed and `forward(params, inputs)` for all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Params = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "tanh": torch.tanh}


class Model:
    """What every model shares: shapes and kinds of its parameters, and how one seed starts."""

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Kind and shape (without the seed axis) of every parameter, in a fixed order."""
        raise NotImplementedError

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """Outputs `[S, B, ...]` of stacked parameters on stacked inputs `[S, B, ...]`."""
        raise NotImplementedError

    def init(self, generator: torch.Generator) -> Params:
        """Parameters of one seed: zero biases, unit scales, the rest normal with fan-in scaling."""
        params = {}
        for name, (kind, shape) in self.tensors().items():
            if kind in ("bias", "scale"):
                params[name] = torch.full(shape, float(kind == "scale"))
            else:
                params[name] = self.deviation(kind, shape) * torch.randn(shape, generator=generator)
        return params

    def deviation(self, kind: str, shape: tuple[int, ...]) -> float:
        """Standard deviation of a weight at the start; `[..., fan_in, fan_out]` is the layout."""
        return 1.0 if kind == "embed" else 1.0 / math.sqrt(shape[0])


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`inputs [S, B, i] @ weight [S, i, o] + bias [S, o]`."""
    return torch.baddbmm(bias.unsqueeze(1), inputs, weight)


@dataclass(frozen=True)
class MLP(Model):
    """Dense layers of the given sizes; He scaling under ReLU, 1/fan-in under tanh."""

    sizes: tuple[int, ...]
    activation: str = "relu"

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """`w0, b0, w1, b1, ...`; the last weight is the head."""
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        last = len(self.sizes) - 2
        for i in range(last + 1):
            shape = (self.sizes[i], self.sizes[i + 1])
            found[f"w{i}"] = ("head" if i == last else "matrix", shape)
            found[f"b{i}"] = ("bias", shape[1:])
        return found

    def deviation(self, kind: str, shape: tuple[int, ...]) -> float:
        """He for hidden ReLU layers, else 1/sqrt(fan-in)."""
        gain = 2.0 if self.activation == "relu" and kind == "matrix" else 1.0
        return math.sqrt(gain / shape[0])

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """Apply the layers."""
        act = ACTIVATIONS[self.activation]
        last = len(self.sizes) - 2
        for i in range(last):
            inputs = act(linear(inputs, params[f"w{i}"], params[f"b{i}"]))
        return linear(inputs, params[f"w{last}"], params[f"b{last}"])


@dataclass(frozen=True)
class CharMLP(Model):
    """Embeds a window of symbols, joins the vectors, one tanh layer (Bengio et al. 2003)."""

    vocabulary: int
    context: int
    width: int
    hidden: int

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """An embedding, a hidden layer, a head."""
        return {
            "embed": ("embed", (self.vocabulary, self.width)),
            "w0": ("matrix", (self.context * self.width, self.hidden)),
            "b0": ("bias", (self.hidden,)),
            "w1": ("head", (self.hidden, self.vocabulary)),
            "b1": ("bias", (self.vocabulary,)),
        }

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """Logits of the next symbol."""
        hidden = embed(params["embed"], inputs).flatten(2)
        hidden = torch.tanh(linear(hidden, params["w0"], params["b0"]))
        return linear(hidden, params["w1"], params["b1"])


@dataclass(frozen=True)
class Conv(Model):
    """Two 3x3 convolutions with stride 2 on square images, then a dense head."""

    side: int
    channels: tuple[int, int]
    classes: int

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Convolutions in the layout `[in * 9, out]`."""
        a, b = self.channels
        left = ((self.side - 1) // 2 - 1) // 2
        return {
            "c0": ("conv", (9, a)),
            "b0": ("bias", (a,)),
            "c1": ("conv", (9 * a, b)),
            "b1": ("bias", (b,)),
            "w": ("head", (left * left * b, self.classes)),
            "b": ("bias", (self.classes,)),
        }

    def deviation(self, kind: str, shape: tuple[int, ...]) -> float:
        """He for the convolutions."""
        return math.sqrt((2.0 if kind == "conv" else 1.0) / shape[0])

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """Convolve by unfolding patches, so that every seed is one slice of a batched product."""
        seeds, batch = inputs.shape[:2]
        maps = inputs.reshape(seeds, batch, self.side, self.side, 1)
        for i in range(2):
            patches = maps.unfold(2, 3, 2).unfold(3, 3, 2)  # [S, B, h, w, channels, 3, 3]
            h = patches.shape[2]
            flat = patches.reshape(seeds, batch * h * h, -1)
            maps = torch.relu(linear(flat, params[f"c{i}"], params[f"b{i}"]))
            maps = maps.reshape(seeds, batch, h, h, -1)
        return linear(maps.reshape(seeds, batch, -1), params["w"], params["b"])


@dataclass(frozen=True)
class Transformer(Model):
    """One pre-norm block of attention and an MLP; the prediction is read at the last place."""

    vocabulary: int
    context: int
    width: int
    heads: int = 2

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Embeddings, one block, a head."""
        d = self.width
        return {
            "embed": ("embed", (self.vocabulary, d)),
            "place": ("embed", (self.context, d)),
            "norm0": ("scale", (d,)),
            "qkv": ("matrix", (d, 3 * d)),
            "out": ("matrix", (d, d)),
            "norm1": ("scale", (d,)),
            "up": ("matrix", (d, 4 * d)),
            "down": ("matrix", (4 * d, d)),
            "norm2": ("scale", (d,)),
            "head": ("head", (d, self.vocabulary)),
        }

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """Logits of the next symbol."""
        seeds, batch, places = inputs.shape
        x = embed(params["embed"], inputs) + params["place"][:, None]
        x = x.reshape(seeds, batch * places, self.width)
        x = x + self._attend(params, rms_norm(x, params["norm0"]), (seeds, batch, places))
        hidden = torch.relu(rms_norm(x, params["norm1"]) @ params["up"])
        x = x + hidden @ params["down"]
        last = x.reshape(seeds, batch, places, self.width)[:, :, -1]
        return rms_norm(last, params["norm2"]) @ params["head"]

    def _attend(self, params: Params, x: Tensor, shape: tuple[int, int, int]) -> Tensor:
        parts = (x @ params["qkv"]).reshape(*shape, 3, self.heads, -1)
        query, key, value = (parts[:, :, :, i].transpose(2, 3) for i in range(3))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        mixed = (scores.softmax(-1) @ value).transpose(2, 3)
        return mixed.reshape(shape[0], shape[1] * shape[2], self.width) @ params["out"]


@dataclass(frozen=True)
class Matrix(Model):
    """A bare square matrix that is its own output: the variable of a quadratic."""

    side: int

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """One matrix."""
        return {"x": ("matrix", (self.side, self.side))}

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """The matrix minus the inputs."""
        return params["x"] - inputs


@dataclass(frozen=True)
class Rescaled(Model):
    """Another model seen through parameters divided by `factor`: same functions, other geometry."""

    model: Model
    factor: float

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """As the model's."""
        return self.model.tensors()

    def init(self, generator: torch.Generator) -> Params:
        """The same function as the model starts from."""
        return {name: p / self.factor for name, p in self.model.init(generator).items()}

    def forward(self, params: Params, inputs: Tensor) -> Tensor:
        """The model at the parameters times the factor."""
        return self.model.forward({n: p * self.factor for n, p in params.items()}, inputs)


def embed(table: Tensor, symbols: Tensor) -> Tensor:
    """Rows of a stacked table `[S, V, d]` at symbols `[S, ...]`."""
    seeds, vocabulary, width = table.shape
    offset = torch.arange(seeds).mul_(vocabulary).reshape(-1, *[1] * (symbols.ndim - 1))
    return F.embedding(symbols + offset, table.reshape(-1, width))


def rms_norm(x: Tensor, scale: Tensor) -> Tensor:
    """RMSNorm over the last axis of `[S, N, d]` (Zhang and Sennrich 2019)."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * scale.unsqueeze(1)
