"""Every page there is, found in the URLs: a new one is walked without being told to anybody.

Works on the database of the process that calls it: a test's, or that of an installation.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth.tokens import default_token_generator
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tests.furnished import furnish_studio
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import api_key_create
from webapp.ops.models import WorkerHeartbeat
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.models import Dataset, DatasetVersion, Example, Job, TrainingRun
from webapp.webhooks.models import Delivery, Webhook

# What a page is asked, without which it has nothing to show.
ASKED = {
    "studio:confusion": {"given": 0},
    "studio:audit_finding": {"finding": 1},
    "studio:version_file": {"name": "report.json"},
}


def named_patterns(
    patterns: list[URLPattern | URLResolver], prefix: str = ""
) -> list[tuple[str, URLPattern]]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            namespace = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            found += named_patterns(pattern.url_patterns, namespace)
        else:
            found.append((f"{prefix}{pattern.name}", pattern))
    return found


def furnish(person: User) -> None:
    """Rows for the pages that would be empty: keys and webhooks, all that the studio makes, a worker; and
    something said of this person's answers, of which the first is shared."""
    furnish_account(person)
    judge_and_share(person)
    furnish_studio(person, Recognizer.objects.get())
    WorkerHeartbeat.objects.update_or_create(name="w", defaults={"seen_at": timezone.now()})


def furnish_account(person: User) -> None:
    """Keys, and webhooks to which nothing is sent: what there was to tell was told or given up."""
    for name, expires_at in (("camera trap", None), ("old", timezone.now())):
        api_key_create(owner=person, name=name, expires_at=expires_at)
    now = timezone.now()
    for url, paused_at in (("https://example.org/answered", None), ("https://example.net/", now)):
        webhook = Webhook.objects.create(owner=person, url=url, paused_at=paused_at)
        states = Delivery.State
        for state, status in ((states.DELIVERED, 204), (states.GIVEN_UP, 503)):
            Delivery.objects.create(
                webhook=webhook,
                prediction=uuid.uuid4(),
                state=state,
                num_tries=3,
                tried_at=now,
                status=status,
            )


def judge_and_share(person: User) -> None:
    """All answers were right but the first, which is shared."""
    now = timezone.now()
    answers = Prediction.objects.filter(owner=person, state="done").order_by("id")
    answers.update(verdict=Prediction.Verdict.RIGHT, corrected_at=now)
    wrong = {"verdict": Prediction.Verdict.WRONG, "true_label": "yellow", "corrected_at": now}
    answers.filter(pk=answers[0].pk).update(share=uuid.uuid4(), **wrong)


def addresses(person: User) -> Iterator[tuple[str, str]]:
    """(name, address) of everything that has a name, opened at rows of this person. What takes a row
    of a kind that does not exist is left out."""
    for name, pattern in named_patterns(get_resolver().url_patterns):
        arguments = pattern.pattern.regex.groupindex
        if name.endswith(":None"):
            continue  # without a name: the admin's ways to pages that have one
        values = {each: _value(name, each, person) for each in arguments}
        if None not in values.values():
            yield name, reverse(name, kwargs=values, query=ASKED.get(name))


def _value(name: str, argument: str, person: User) -> Any:
    """What stands for an argument in the address of a page. A new kind of argument has its line here."""
    answers = Prediction.objects.filter(owner=person, is_outlier=False, state="done")
    match argument:
        case "prediction_id" if name.startswith("studio:"):
            return answers.earliest("id").pk
        case "dataset_id" | "example_id" | "job_id" | "recognizer_id":
            models = {"dataset": Dataset, "example": Example, "job": Job, "recognizer": Recognizer}
            rows = models[argument.removesuffix("_id")]._default_manager
            return rows.order_by("pk").values_list("pk", flat=True).first()
        case "public_id" | "prediction_id":
            return answers.earliest("id").public_id
        case "upload_id":
            return answers.earliest("id").upload
        case "share_id":
            return Prediction.objects.exclude(share=None).earliest("id").share
        case "webhook_id":
            return uuid.uuid4()  # a program deletes there, nobody looks
        case "number" if name.startswith("admin:predictions_correction_"):
            return Prediction.objects.exclude(verdict="").earliest("id").pk
        case "rank":
            return 1
        case "first" | "last":
            return answers.earliest("id").pk
        case "uidb64":
            return urlsafe_base64_encode(force_bytes(person.pk))
        case "token":
            return default_token_generator.make_token(person)
        case "slug":
            return Recognizer.objects.get().slug
        case "version_id" if name.startswith("studio:dataset_version"):
            return DatasetVersion.objects.earliest("id").pk
        case "version_id":
            # The one that was compared, reported on and answered the history anew.
            return Recognizer.objects.get().versions.latest("id").pk
        case "run_id":
            return TrainingRun.objects.earliest("id").pk
        case "pk" if name == "api_key_end":
            return ApiKey.objects.filter(owner=person).earliest("id").pk
        case "id" if name == "admin:auth_user_password_change":
            return person.pk
        case "app_label":
            return "studio"
        case "object_id" if name == "admin:view_on_site":
            return None
        case "content_type_id":
            return None
        case "object_id":
            app, model, _ = name.removeprefix("admin:").split("_")
            return apps.get_model(app, model)._default_manager.values_list("pk", flat=True).first()
    raise AssertionError(f"Say in tests/every_page.py what {argument!r} of the page {name} can be.")
