"""The Celery application: queue `inference` answers pictures, queue `training` trains."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("ocellus")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("webapp.ops.steps:ReconcilerStep")
app.steps["worker"].add("webapp.ops.steps:HeartbeatStep")
