"""What a recognizer's page shows, in as many queries whatever there is."""

from dataclasses import dataclass

from django.db.models import Count, F, Q

from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.loop import inbox
from webapp.studio.models import Dataset, TrainingRun

NUM_VERSIONS = 30
NUM_RUNS = 15
MAX_COUNTED = 1000


@dataclass(frozen=True)
class Summary:
    """The newest of each; `num_waiting`: corrections that wait in the inbox, see `corrections_waiting`."""

    live: ModelVersion | None
    versions: list[ModelVersion]
    num_versions: int
    runs: list[TrainingRun]
    num_runs: int
    datasets: list[Dataset]
    num_waiting: int

    @property
    def is_learning(self) -> bool:
        """Whether one of its trainings waits or goes on."""
        return any(run.is_open for run in self.runs)

    @property
    def has_more_waiting(self) -> bool:
        return self.num_waiting > MAX_COUNTED


def summary_of(recognizer: Recognizer) -> Summary:
    versions = recognizer.versions.defer("class_names").select_related("promoted_by", "run")
    live = versions.filter(state=ModelVersion.State.LIVE).order_by().first()
    runs = recognizer.runs.select_related("dataset", "dataset_version", "version")
    is_open = Q(state__in=TrainingRun.OPEN_STATES)
    learned = Q(runs__recognizer=recognizer, runs__version__isnull=False)
    datasets = Dataset.objects.annotate(num_runs=Count("runs", filter=learned))
    counts = Recognizer.objects.filter(pk=recognizer.pk).aggregate(
        versions=Count("versions", distinct=True), runs=Count("runs", distinct=True)
    )
    return Summary(
        live=live,
        versions=list(versions.order_by("-number")[:NUM_VERSIONS]),
        num_versions=counts["versions"],
        runs=[
            *runs.filter(is_open).order_by("id")[:NUM_RUNS],
            *runs.exclude(is_open).order_by(F("id").desc())[:NUM_RUNS],
        ],
        num_runs=counts["runs"],
        datasets=list(datasets.filter(num_runs__gt=0).order_by("name")[:NUM_RUNS]),
        num_waiting=corrections_waiting(recognizer),
    )


def corrections_waiting(recognizer: Recognizer | None = None) -> int:
    """How many wait in the inbox, of one recognizer or of all; counted no further than to one more than
    MAX_COUNTED."""
    rows = inbox.corrections_waiting()
    if recognizer is not None:
        rows = rows.filter(recognizer=recognizer)
    return rows.order_by()[: MAX_COUNTED + 1].count()
