"""What the studio keeps: datasets and their versions, training runs, jobs, and a curator's decisions."""

from webapp.studio.models.datasets import Dataset, DatasetVersion, Example
from webapp.studio.models.jobs import Job, SecondAnswer
from webapp.studio.models.reviews import Review, Routine
from webapp.studio.models.runs import RESUMABLE, RunLine, TrainingRun

__all__ = [
    "RESUMABLE",
    "Dataset",
    "DatasetVersion",
    "Example",
    "Job",
    "Review",
    "Routine",
    "RunLine",
    "SecondAnswer",
    "TrainingRun",
]
