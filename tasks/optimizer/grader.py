"""Score an artefact: log validation loss of the trained parameters, on data the trainer never had.

The grader never meets candidate code. It gets the request's line, then the parameters as raw
float32, and computes the loss from the sealed seeds.
"""

import json

from workloads import packed_size, pair, unpack, workload

WARM = ("glyph_mlp", "autoencoder", "teacher", "char_mlp")


def warm() -> None:
    """Build the validation pools and run every kernel once."""
    for name in WARM:
        each = workload(name)
        each.validation(each.init([1, 2]), [1, 2], [3, 4])


def scores(name: str, params: dict, seeds: list[int], sealed: list[int]) -> list[float | None]:
    """One score per seed; None where the parameters or the loss are not finite."""
    if len(seeds) == 1:
        params = {key: tensor.repeat(2, *[1] * (tensor.ndim - 1)) for key, tensor in params.items()}
    losses = workload(name).validation(params, pair(seeds), pair(sealed))
    usable = losses.isfinite()
    for tensor in params.values():
        usable &= tensor.isfinite().flatten(1).all(1)
    pairs = zip(workload(name).score(losses).tolist(), usable.tolist(), strict=True)
    return [score if good else None for score, good in pairs][: len(seeds)]


def run(request: bytes, guest) -> bytes:
    """Grade one artefact."""
    line, _, artefact = request.partition(b"\n")
    asked = json.loads(line)
    names, seeds, sealed = asked["workloads"], asked["seeds"], asked["sealed"]
    expected = sum(packed_size(workload(name), len(seeds)) for name in names)
    if len(artefact) != expected:
        reason = f"the artefact has {len(artefact)} bytes where {expected} were declared"
        return json.dumps({"invalid": reason}).encode()
    data, at, found = bytearray(artefact), 0, {}
    for name in names:
        params, at = unpack(workload(name), len(seeds), data, at)
        found[name] = scores(name, params, seeds, sealed)
    return json.dumps({"scores": found}).encode()
