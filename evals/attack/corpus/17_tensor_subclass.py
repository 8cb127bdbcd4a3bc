"""Returns a tensor of a class that answers every question about it with yes.

ids: 17
effect: score
defence: Classes do not cross the wall: only float32 numbers of a declared length do.
"""

import torch


class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.eq, torch.Tensor.__eq__):
            return torch.ones(99)
        return super().__torch_function__(function, types, args, kwargs or {})


def twist(result, world):
    return world.leaves(lambda t: t.as_subclass(Yes) if isinstance(t, torch.Tensor) else t, result)
