"""Trains on data it is not to have: the test set, or the batches of all steps at once.

ids: 44
effect: score
defence: The trainer computes gradients in its own process, on the batch of that step alone.
"""

import sys


def attack(world):
    for space, _, value in list(world.named(r"^test_inputs$")) if world.calls == 1 else []:
        space["train_inputs"], space["train_labels"] = value, space["test_labels"]
        world.args[0].budget = 2000
    library = sys.modules.get("workloads")
    if library is not None and not world.calls:
        import torch

        def batch(self, step):
            several = [(step + i) % len(self.inputs) for i in range(8)]
            return tuple(
                torch.cat([data[i] for i in several], 1) for data in (self.inputs, self.targets)
            )

        library.Stream.batch = batch
