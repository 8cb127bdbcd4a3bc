"""Does a predictor of sequences look ahead? A metric of next-step prediction assumes not."""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def looks_ahead(
    predict: Callable[[Tensor], Tensor],
    inputs: Tensor,
    predictions: Tensor,
    source: torch.Generator,
    cuts: int = 3,
    tolerance: float = 1e-4,
) -> bool:
    """Whether what is predicted up to some step changes with the inputs after it.

    `inputs` is `[B, T, ...]` and `predictions`, `[B, T, ...]`, is what `predict` said of them. At
    `cuts` random steps everything later is exchanged between the sequences of the batch and
    predicted again: a causal predictor says the same as before, within rounding.
    """
    for cut in torch.randint(1, inputs.shape[1], (cuts,), generator=source).tolist():
        shift = int(torch.randint(1, len(inputs), (1,), generator=source))
        changed = inputs.clone()
        changed[:, cut:] = inputs.roll(shift, 0)[:, cut:]
        again = predict(changed)[:, :cut]
        if not torch.allclose(again, predictions[:, :cut], rtol=tolerance, atol=tolerance):
            return True
    return False
