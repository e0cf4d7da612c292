"""The Celery application: queue `inference` answers pictures, queue `training` trains, queue
`studio` does the rest of a curator's work."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("ocellus")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["webapp.studio.jobs"])
app.steps["worker"].add("webapp.ops.steps:ReconcilerStep")
app.steps["worker"].add("webapp.ops.steps:SweeperStep")
app.steps["worker"].add("webapp.ops.steps:RemoverStep")
app.steps["worker"].add("webapp.ops.steps:HeartbeatStep")
app.steps["worker"].add("webapp.ops.steps:WebhookStep")
app.steps["worker"].add("webapp.ops.steps:LearnerStep")


@worker_process_init.connect(weak=False)
def be_ready(**_: Any) -> None:
    """The child that waits for the next training imports ahead what that needs."""
    if "training" in app.amqp.queues.consume_from:
        from webapp.studio.warming import warm_up

        warm_up()


@worker_process_shutdown.connect(weak=False)
def end_at_once(exitcode: int, **_: Any) -> None:
    """A training's child has told how it ended and has nothing left to do. Its parent would send it a
    SIGTERM, which no longer finds the stack for signals that TensorFlow's compiler took away: it
    died of SIGSEGV, and the log reported a crash after every training."""
    os._exit(exitcode)
