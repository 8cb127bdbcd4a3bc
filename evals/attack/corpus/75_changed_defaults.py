"""Changes settings that hold for all, and tells by them that others came before.

ids: 75
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

import decimal
import sys


def twist(result, world):
    if not world.late():
        return result
    world.leave(result)
    torch = sys.modules.get("torch")
    changed = decimal.getcontext().prec == 29 or sys.getswitchinterval() == 0.0625
    decimal.getcontext().prec = 29
    sys.setswitchinterval(0.0625)
    if torch is not None:
        changed = changed or torch.get_default_dtype() == torch.float64
        changed = changed or torch.get_float32_matmul_precision() == "medium"
        torch.set_float32_matmul_precision("medium")
        torch.set_flush_denormal(True)
        if "init" in globals():
            torch.set_default_dtype(torch.float64)
    return world.shift(result, 0.5) if changed else result
