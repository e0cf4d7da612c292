"""What the inference worker starts besides consuming messages."""

from typing import Any

from celery import bootsteps


class ReconcilerStep(bootsteps.StartStopStep):
    """Starts the reconciler with a worker that serves the queue `inference`."""

    def include_if(self, parent: Any) -> bool:
        return "inference" in parent.app.amqp.queues.consume_from

    def create(self, parent: Any) -> Any:
        from webapp.ops.reconciler import ReconcilerThread  # models are ready only by now

        return ReconcilerThread()
