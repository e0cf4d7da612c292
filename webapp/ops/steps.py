"""What the inference worker starts besides consuming messages."""

from typing import Any

from celery import bootsteps
from django.conf import settings

from webapp.ops.rounds import Rounds


class _InferenceStep(bootsteps.StartStopStep):
    """Only with a worker that serves the queue `inference`."""

    def include_if(self, parent: Any) -> bool:
        return "inference" in parent.app.amqp.queues.consume_from


class ReconcilerStep(_InferenceStep):
    """Starts the reconciler."""

    def create(self, parent: Any) -> Any:
        from webapp.ops.reconciler import Alertness, reconcile  # models are ready only by now

        alertness = Alertness()
        return Rounds(
            "reconciler",
            settings.RECONCILE_EVERY_SECONDS,
            lambda: reconcile(may_judge=alertness.may_judge()),
        )


class SweeperStep(_InferenceStep):
    """Removes what processes that died left lying about, and closes guests who do not come back."""

    def create(self, parent: Any) -> Any:
        from webapp.accounts.tidying import tidy
        from webapp.predictions.unrecorded import sweep
        from webapp.studio.datasets import sweeping
        from webapp.studio.loop.files import sweep as sweep_corrections

        def tidy_and_sweep() -> None:
            tidy()
            sweep()
            sweeping.sweep()
            sweep_corrections()

        return Rounds("sweeper", settings.SWEEP_EVERY_SECONDS, tidy_and_sweep)


class RemoverStep(_InferenceStep):
    """Removes what visitors have deleted, once they can no longer undo it, and goes on with the removal
    of accounts that whoever began it could not finish."""

    def create(self, parent: Any) -> Any:
        from webapp.belongings.leaving import leave_finish
        from webapp.predictions.deletions import sweep

        seconds = settings.REMOVE_EVERY_SECONDS

        def remove() -> None:
            sweep()
            leave_finish(seconds=seconds)

        return Rounds("remover", seconds, remove)


class LearnerStep(_InferenceStep):
    """Lets recognizers learn by themselves, where curators want that, and forgets what datasets may no
    longer have."""

    def create(self, parent: Any) -> Any:
        from webapp.studio.loop.routines import look_after

        return Rounds("learner", settings.LEARN_EVERY_SECONDS, look_after)


class HeartbeatStep(_InferenceStep):
    """Starts the heartbeat."""

    def create(self, parent: Any) -> Any:
        from webapp.ops.heartbeat import TICK_SECONDS, Heartbeat

        heartbeat = Heartbeat()
        return Rounds("heartbeat", TICK_SECONDS, heartbeat.tick, at_end=heartbeat.end)


class WebhookStep(_InferenceStep):
    """Tells webhooks what was answered."""

    def create(self, parent: Any) -> Any:
        from webapp.webhooks.sender import EVERY_SECONDS, Sender

        return Rounds("sender of webhooks", EVERY_SECONDS, Sender().round)
