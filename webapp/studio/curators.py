"""The group “Curators”: who is in it and is staff can do all of the studio, and nothing to people."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

NAME = "Curators"
PERMISSIONS = (
    "studio.train",
    "recognizers.view_recognizer",
    "recognizers.view_modelversion",
    "predictions.view_correction",
    "ops.view_workerheartbeat",
)


def curators_create(*, sender: AppConfig, using: str, **_: Any) -> None:
    """After the tables are made: the group, where there is none. One that is there is the operator's, to
    be changed as they like."""
    groups = Group.objects.using(using)
    if groups.filter(name=NAME).exists():
        return
    for label in sorted({name.split(".")[0] for name in PERMISSIONS}):
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    wanted = Q()
    for name in PERMISSIONS:
        label, codename = name.split(".")
        wanted |= Q(content_type__app_label=label, codename=codename)
    group, _is_new = groups.get_or_create(name=NAME)
    group.permissions.add(*Permission.objects.using(using).filter(wanted))
