"""The sample recognizer, so that a newcomer has something to try: drawn bugs, trained here."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from training.drawings.bugs import KINDS
from training.drawings.sample import draw, draw_folder
from webapp.recognizers.models import Recognizer
from webapp.studio.models import TrainingRun
from webapp.studio.services import recognizer_get_or_create, run_create, run_resume

NAME = "Sample bugs"
FOLDER_NAME = "sample-bugs"
NUM_TRAIN_PER_KIND = 360
NUM_VAL_PER_KIND = 40
NUM_TO_TRY_PER_KIND = 2
PRETRAINED: dict[str, Any] = {"backbone": "resnet50", "weights": "imagenet", "image_size": 224}
# Where the pretrained weights cannot be had; see docs/BENCHMARKS.md for what this reaches.
FROM_SCRATCH: dict[str, Any] = {
    "backbone": "resnet50",
    "weights": "none",
    "image_size": 64,
    "epochs": 3,
}


def sample_ensure(on_drawing: Callable[[], None] = lambda: None) -> TrainingRun | None:
    """A queued training of the sample recognizer, if there is nothing yet to try; else None.

    One that was interrupted goes on. Once a curator has a recognizer of their own, or the sample has
    learned once, it is left alone.
    """
    if Recognizer.objects.exclude(name=NAME).exists():
        return None
    runs = TrainingRun.objects.filter(recognizer__name=NAME)
    if runs.filter(state__in=TrainingRun.OPEN_STATES).exists():
        return None
    last = runs.filter(promote_when_done=True).first()
    if last and run_resume(run=last):
        return last
    if Recognizer.objects.filter(name=NAME, versions__isnull=False).exists():
        return None
    folder = Path(settings.DATASETS_DIR) / FOLDER_NAME
    to_try = Path(settings.DATA_DIR) / "try"
    if not folder.is_dir():
        on_drawing()
        draw_folder(
            folder, num_train_per_kind=NUM_TRAIN_PER_KIND, num_val_per_kind=NUM_VAL_PER_KIND, seed=0
        )
    if not to_try.is_dir():
        _draw_to_try(to_try)
    return run_create(
        recognizer=recognizer_get_or_create(name=NAME),
        folder_name=FOLDER_NAME,
        config=PRETRAINED,
        fallback_config=FROM_SCRATCH,
        requested_by=None,
        promote_when_done=True,
    )


def _draw_to_try(folder: Path) -> None:
    """A few drawings that are in no dataset, for the newcomer to upload."""
    rng = random.Random(1)
    folder.mkdir(parents=True)
    for kind in KINDS:
        for number in range(1, NUM_TO_TRY_PER_KIND + 1):
            draw(kind, rng, size=512).save(folder / f"{kind}-{number}.jpg", quality=90)
