"""A script with arguments: a bigram language model, with the number in a file."""

import argparse
import json
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


def get_args():
    """Read the command line."""
    parser = argparse.ArgumentParser(description="a bigram model")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--dim", type=int, default=12)
    parser.add_argument("--iters", type=int, default=30)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    parser.add_argument("--out", default="metrics.json")
    return parser.parse_args()


def make_text(n, generator):
    """Letters in which each depends on the one before."""
    text = [0]
    for _ in range(n):
        jump = torch.randint(3, (1,), generator=generator).item()
        text.append((2 * text[-1] + jump) % 11)
    return torch.tensor(text)


class Bigram(nn.Module):
    """An embedding, an activation and a readout."""

    def __init__(self, vocab_size, dim):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, dim)
        self.norm = nn.LayerNorm(dim)
        self.act = nn.ReLU()
        self.head = nn.Linear(dim, vocab_size)

    def forward(self, idx, targets=None):
        """Logits, and the loss where targets are given."""
        logits = self.head(self.act(self.norm(self.emb(idx))))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits, targets)
        return logits, loss


def main():
    """Train, score and save."""
    args = get_args()
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    text = make_text(400, generator).to(device)
    train_text, val_text = text[:300], text[300:]
    model = Bigram(11, args.dim).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for it in range(args.iters):
        at = torch.randint(len(train_text) - 1, (args.batch_size,), generator=generator)
        _, loss = model(train_text[at], train_text[at + 1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if it % 10 == 0:
            print(f"iter {it}: loss {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        _, val_loss = model(val_text[:-1], val_text[1:])
    Path(args.out).write_text(json.dumps({"val_loss": val_loss.item()}))


if __name__ == "__main__":
    main()
