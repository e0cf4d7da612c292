"""What Prometheus reads: what the processes have counted, and what waits at this moment."""

import logging
from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from webapp import metrics
from webapp.database import DATABASE_ERRORS, drop_dead_connection
from webapp.predictions.models import Prediction

logger = logging.getLogger(__name__)
State = Prediction.State


class QueueCollector(Collector):
    """Depth and age of the queue as the database has them; without it, that it is away."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        reachable = GaugeMetricFamily("ocellus_database_reachable", "1, or 0 while it is away.")
        try:
            depth = {state: _rows(state).count() for state in (State.QUEUED, State.RUNNING)}
            oldest = _rows(State.QUEUED).order_by("id").values_list("created_at", flat=True).first()
        except DATABASE_ERRORS as error:
            logger.warning("Could not look at the queue: %s", error)
            drop_dead_connection()
            reachable.add_metric([], 0)
            yield reachable
            return
        reachable.add_metric([], 1)
        yield reachable
        rows = GaugeMetricFamily(
            "ocellus_queue_depth", "Predictions that wait or are being answered.", labels=["state"]
        )
        for state, number in depth.items():
            rows.add_metric([state.value], number)
        yield rows
        age_seconds = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "ocellus_queue_oldest_seconds",
            "Age of the oldest prediction that waits.",
            value=max(0.0, age_seconds),
        )


def exposition() -> bytes:
    """In Prometheus' text format."""
    now = CollectorRegistry()
    now.register(QueueCollector())
    return generate_latest(metrics.counted()) + generate_latest(now)


def _rows(state: State) -> QuerySet[Prediction]:
    return Prediction.objects.filter(state=state)
