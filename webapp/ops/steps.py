"""What the inference worker starts besides consuming messages."""

from typing import Any

from celery import bootsteps


class _InferenceStep(bootsteps.StartStopStep):
    """Only with a worker that serves the queue `inference`."""

    def include_if(self, parent: Any) -> bool:
        return "inference" in parent.app.amqp.queues.consume_from


class ReconcilerStep(_InferenceStep):
    """Starts the reconciler."""

    def create(self, parent: Any) -> Any:
        from webapp.ops.reconciler import ReconcilerThread  # models are ready only by now

        return ReconcilerThread()


class HeartbeatStep(_InferenceStep):
    """Starts the heartbeat."""

    def create(self, parent: Any) -> Any:
        from webapp.ops.heartbeat import HeartbeatThread

        return HeartbeatThread()
