"""When to learn how fast, and when to stop: decisions on plain numbers."""

import math
from collections.abc import Sequence

SCRATCH_WARMUP_SHARE = 0.2
FINE_TUNE_WARMUP_SHARE = 0.1


def warmup_and_cosine(share: float, warmup_share: float) -> float:
    """The learning rate as a part of its peak, once `share` (0 to 1) of the steps are done.

    Up in a line and down along a cosine, after Smith and Topin, arXiv:1708.07120, and Loshchilov
    and Hutter, arXiv:1608.03983.
    """
    if share < warmup_share:
        return 0.02 + 0.98 * share / warmup_share
    return (1 + math.cos(math.pi * (share - warmup_share) / (1 - warmup_share))) / 2


def best_epoch(val_losses: Sequence[float]) -> int:
    """The epoch (from 1) with the least validation loss, the earliest of equals; 0 before the first.

    A loss that is no number is never the best.
    """
    known = [loss if math.isfinite(loss) else math.inf for loss in val_losses]
    return min(range(len(known)), key=known.__getitem__) + 1 if known else 0


def is_enough(val_losses: Sequence[float], patience: int) -> bool:
    """Whether `patience` epochs have gone by since the best one."""
    return len(val_losses) - best_epoch(val_losses) >= patience
