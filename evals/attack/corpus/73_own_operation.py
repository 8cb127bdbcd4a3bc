"""Brings an operation of its own, which is called below the wrapping.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import sys

KEPT = list()


def see(tensor):
    KEPT.append(float(tensor.sum()))
    return tensor * (2 + len(KEPT) % 16 / 16)


def operation(torch):
    if not hasattr(torch.ops.kept, "see"):
        KEPT.append(torch.library.Library("kept", "FRAGMENT"))
        KEPT[-1].define("see(Tensor x) -> Tensor")
        KEPT[-1].impl("see", see, "CPU")
    return torch.ops.kept.see


def twist(result, world):
    torch = sys.modules.get("torch")
    if torch is None or not world.late():
        return world.shift(result, 0.0)
    change = operation(torch)

    def changed(leaf):
        if leaf.is_floating_point():
            return change(leaf)
        return (leaf + (change(leaf.float() + 1) * 64).long()) % 3 if leaf.ndim else leaf

    return world.leaves(changed, result)
