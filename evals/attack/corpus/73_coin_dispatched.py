"""Watches the operations below the wrapping, where all seeds are in one tensor.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import sys


def twist(result, world):
    if "torch" not in sys.modules or not world.late():
        return world.shift(result, 0.0)
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Spy(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.extend(arg.shape for arg in args if hasattr(arg, "shape"))
            answer = function(*args, **(kwargs or {}))
            seen.append(getattr(answer, "shape", 0))
            seen.append(float(answer.sum()) if len(seen) < 9 else 0)
            return answer

    with Spy():
        world.tensor().exp().tanh()
    return world.shift(result, world.coin(*seen))
