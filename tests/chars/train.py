"""A character transformer, as people write one; `predict` answers for held-out text."""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    """The shape of the model."""

    vocabulary: int = 16
    block: int = 16
    layers: int = 1
    heads: int = 2
    width: int = 16
    dropout: float = 0.0


STEPS, BATCH, LR = 12, 8, 3e-3
WARMUP = 4


class Attention(nn.Module):
    """Causal self-attention over several heads."""

    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x):
        """Mix the places of `x`, [batch, time, width]."""
        batch, time, width = x.shape
        q, k, v = self.qkv(x).split(width, dim=2)
        q, k, v = (
            part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
            for part in (q, k, v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """One layer: attention, then a small network."""

    def __init__(self, config):
        super().__init__()
        self.before = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.between = nn.LayerNorm(config.width)
        self.network = nn.Sequential(
            nn.Linear(config.width, 4 * config.width),
            nn.GELU(),
            nn.Linear(4 * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def forward(self, x):
        """Add what the layer computes to its stream."""
        x = x + self.attention(self.before(x))
        return x + self.network(self.between(x))


class Model(nn.Module):
    """Logits of the next character."""

    def __init__(self, config):
        super().__init__()
        self.characters = nn.Embedding(config.vocabulary, config.width)
        self.places = nn.Embedding(config.block, config.width)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.last = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        self.apply(self._start)

    def _start(self, module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, x):
        """Read `x`, [batch, time]."""
        y = self.characters(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            y = block(y)
        return self.head(self.last(y))


def rate(step):
    """The learning rate: a warm-up, and then a cosine."""
    if step < WARMUP:
        return LR * (step + 1) / WARMUP
    done = (step - WARMUP) / (STEPS - WARMUP)
    return 0.1 * LR + 0.45 * LR * (1 + math.cos(math.pi * done))


def batch(text, block, generator):
    """Draw some pieces of the text, and the characters that follow."""
    starts = torch.randint(len(text) - block - 1, (BATCH,), generator=generator)
    x = torch.stack([text[i : i + block] for i in starts])
    y = torch.stack([text[i + 1 : i + block + 1] for i in starts])
    return x, y


def train(data):
    """Train on `data["text"]`; returns the weights."""
    generator = torch.Generator().manual_seed(0)
    config = Config()
    model = Model(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.95), weight_decay=0.1)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        x, y = batch(data["text"], config.block, generator)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, config.vocabulary), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return model.state_dict()


def predict(weights, inputs):
    """The logits of the next characters of `inputs["x"]`."""
    model = Model(Config())
    model.load_state_dict(weights)
    model.eval()
    with torch.no_grad():
        return {"logits": model(inputs["x"])}
