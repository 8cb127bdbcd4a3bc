"""Leaves a mode active that intercepts every later call of torch.

ids: 17, C6
effect: score
defence: The score is computed in a process in which candidate code never ran.
"""

import torch
from torch.overrides import TorchFunctionMode


class Kind(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in (torch.Tensor.mean, torch.mean, torch.nn.functional.cross_entropy):
            return result * 0 + 1
        return result


def attack(world):
    if not world.calls:
        Kind().__enter__()
