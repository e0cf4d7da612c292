"""What uploads and deletions that were broken off have left on the disk."""

import logging
import shutil
import time
from pathlib import Path

from django.conf import settings

from webapp.studio.datasets.deletion import DELETED_PREFIX
from webapp.studio.datasets.incoming import incoming_sweep
from webapp.studio.datasets.pictures import thumbnails_sweep
from webapp.studio.datasets.unpacking import UNPACKING_PREFIX, unpacking_folder
from webapp.studio.models import Job

logger = logging.getLogger(__name__)
# Whatever has a job is left alone; this is for what begins while the sweep looks.
OLD_SECONDS = 3600


def sweep() -> None:
    """Remove parts of ZIPs that nobody has gone on with for a day, folders that nobody unpacks or deletes
    any more, and small pictures made long ago. What waits for a worker, or is being unpacked, stays."""
    imports = Job.objects.filter(kind=Job.Kind.IMPORT, state__in=Job.OPEN_STATES)
    kept = {job.params.get("upload", "") for job in imports}
    if number := incoming_sweep(kept=kept):
        logger.info("%d ZIPs that nobody has gone on sending were removed", number)
    if number := thumbnails_sweep():
        logger.info("%d small pictures that were made long ago were removed", number)
    root, now = Path(settings.DATASETS_DIR), time.time()
    busy = {unpacking_folder(job.dataset_id).name for job in imports if job.dataset_id}
    for prefix in (DELETED_PREFIX, UNPACKING_PREFIX):
        for folder in root.glob(f"{prefix}*"):
            if folder.name in busy:
                continue
            try:
                is_old = now - folder.stat().st_mtime > OLD_SECONDS
            except FileNotFoundError:  # another worker sweeps, too
                continue
            if is_old:
                shutil.rmtree(folder, ignore_errors=True)
