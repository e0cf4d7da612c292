"""What earlier trainings have left on the disk that nobody needs any more."""

import shutil
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from webapp.recognizers.models import ModelVersion
from webapp.studio.models import RESUMABLE, TrainingRun


def sweep_work() -> None:
    """Remove what runs left behind that nobody will resume."""
    open_or_resumable = Q(state__in=TrainingRun.OPEN_STATES) | RESUMABLE
    kept = {run.work_folder for run in TrainingRun.objects.filter(open_or_resumable).only("pk")}
    root = Path(settings.WORK_DIR)
    for folder in root.iterdir() if root.is_dir() else ():
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def sweep_bundles(run: TrainingRun) -> None:
    """Remove what earlier trainers of the run left half written, or finished and never recorded."""
    root, name = Path(settings.BUNDLES_DIR), f"{run.recognizer.slug}-{run.pk}-????????"
    named = set(ModelVersion.objects.values_list("bundle_name", flat=True))
    for path in (*root.glob(name), *root.glob(f".{name}.????????")):
        if path.name not in named:
            shutil.rmtree(path, ignore_errors=True)
