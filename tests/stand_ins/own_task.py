"""The files of tiny tasks of one's own: a sealed one, and one that reports."""

METRIC = 'metric = { name = "error", goal = "min" }\n'
TRAIN = """
RATE, STEPS = 0.1, 20


class Line:
    def __init__(self):
        self.slope = 0.0

    def step(self, x, y):
        self.slope -= RATE * (self.slope * x - y) * x


def train(data):
    line = Line()
    for x, y in data["pairs"][:STEPS]:
        line.step(x, y)
    return {"slope": line.slope}


def predict(weights, inputs):
    return [weights["slope"] * x for x in inputs]
"""
SCORE = """
import random


def training(seed):
    rng = random.Random(seed)
    return {"pairs": [(x := rng.gauss(0, 1), 2 * x + rng.gauss(0, 0.1)) for _ in range(50)]}


def score(predict, seed):
    xs = [random.Random(seed + n).gauss(0, 1) for n in range(5)]
    return sum((y - 2 * x) ** 2 for x, y in zip(xs, predict(xs), strict=True))
"""
SCRIPT = """
import argparse, json, os, random

RATE = 0.02
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
if __name__ == "__main__":
    rng, x = random.Random(parser.parse_args().seed), 3.0
    for _ in range(20):
        x -= RATE * (x + rng.gauss(0, 0.3))
    print("loss", 99)
    print("loss", x * x)
    json.dump({"val": {"loss": x * x}}, open("metrics.json", "w"))
"""
REPORTED = """
metric = { name = "loss", goal = "min", read = "metrics.json:val.loss" }
run = { argv = ["--seed", "{seed}"], seconds = 20 }
"""
