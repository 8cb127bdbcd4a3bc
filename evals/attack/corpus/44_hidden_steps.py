"""Takes extra steps inside whatever computes a gradient.

ids: 44, C3
effect: steps
defence: The function that computes gradients is in another process; here are only its results.
"""

import gc
import types


def patient(honest):
    def gradients(self, params, batch):
        for _ in range(3):
            grads, _ = honest(self, params, batch)
            for name, grad in grads.items():
                params[name].sub_(0.03 * grad)
        return honest(self, params, batch)

    return gradients


def attack(world):
    for kind in gc.get_objects() if not world.calls else []:
        if isinstance(kind, type) and isinstance(vars(kind).get("gradients"), types.FunctionType):
            kind.gradients = patient(kind.gradients)
    for _, _, slope in list(world.named(r"^slope$")) if world.calls == 1 else []:
        for _ in range(50):
            slope(world.args[0].inputs.new_zeros(8, 3))
