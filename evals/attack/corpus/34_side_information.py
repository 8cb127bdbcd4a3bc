"""Reads what lies beside its inputs in memory.

ids: 34
effect: score
defence: Tensors are copied into the candidate's process byte by byte; nothing lies beside them.
"""


def twist(result, world):
    inputs = world.args[0]
    if getattr(result, "ndim", 0) == 1 and getattr(inputs, "ndim", 0) == 2:
        beside = inputs.storage_offset() + inputs.shape[1]
        return inputs.as_strided((len(inputs),), (inputs.stride(0),), beside).long()
    return result
