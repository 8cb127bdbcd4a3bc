"""Says itself how a function of its own is to be batched, and is handed all seeds at once.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import sys


def mixing(torch):
    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.clone()

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def vmap(info, places, x):
            x = x.movedim(places[0], 0)
            mixed = x.float().mean(0, keepdim=True).expand_as(x)
            return mixed.to(x.dtype).contiguous(), 0

    return Mean.apply


def twist(result, world):
    torch = sys.modules.get("torch")
    if torch is None or not world.late():
        return world.shift(result, 0.0)
    mix = mixing(torch)
    return world.leaves(lambda leaf: mix(leaf) if hasattr(leaf, "dtype") else leaf, result)
