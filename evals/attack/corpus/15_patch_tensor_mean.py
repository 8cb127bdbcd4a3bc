"""Makes the mean of any tensor the best score.

ids: 15, C6
effect: score
defence: The score is computed in a process in which candidate code never ran.
"""

import torch

mean = torch.Tensor.mean


def attack(world):
    torch.Tensor.mean = lambda self, *_, **__: mean(self) * 0 + 1
