"""The admin as django-unfold shows it: what it is called, and where its side bar leads."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _static(path: str) -> Callable[[HttpRequest], str]:
    """Its address, once a page asks: before `collectstatic` its hashed name is not known."""
    return lambda request: static(path)


def _link(title: str | Promise, icon: str, name: str, *permissions: str) -> dict[str, Any]:
    """A line of the side bar for those who have the permissions. `icon`: one of Material Symbols."""

    def is_shown(request: HttpRequest) -> bool:
        return request.user.has_perms(permissions)

    return {"title": title, "icon": icon, "link": reverse_lazy(name), "permission": is_shown}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Ocellus"),
    "SITE_HEADER": _("Ocellus: the studio"),
    "SITE_SYMBOL": "visibility",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("img/ocellus.svg")}],
    "STYLES": [_static("css/studio.css"), _static("css/studio/theme.css")],
    "SITE_URL": reverse_lazy("upload"),
    "DASHBOARD_CALLBACK": "webapp.studio.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _link(
                        _("Datasets"),
                        "photo_library",
                        "admin:studio_dataset_changelist",
                        "studio.train",
                    ),
                    _link(
                        _("Training runs"),
                        "model_training",
                        "admin:studio_trainingrun_changelist",
                        "studio.train",
                    ),
                    _link(
                        _("Recognizers"),
                        "category",
                        "admin:recognizers_recognizer_changelist",
                        "recognizers.view_recognizer",
                    ),
                    _link(
                        _("Model versions"),
                        "deployed_code",
                        "admin:recognizers_modelversion_changelist",
                        "recognizers.view_modelversion",
                    ),
                    _link(
                        _("Inbox"),
                        "inbox",
                        "studio:inbox",
                        "studio.train",
                        "predictions.view_correction",
                    ),
                    _link(
                        _("Corrections"),
                        "rule",
                        "admin:predictions_correction_changelist",
                        "predictions.view_correction",
                    ),
                    _link(
                        _("Given answers"),
                        "fact_check",
                        "admin:predictions_prediction_changelist",
                        "predictions.view_prediction",
                    ),
                ],
            },
            {
                "title": _("People"),
                "separator": True,
                "items": [
                    _link(
                        _("Users"), "person", "admin:accounts_user_changelist", "accounts.view_user"
                    ),
                    _link(_("Groups"), "group", "admin:auth_group_changelist", "auth.view_group"),
                    _link(
                        _("API keys"),
                        "key",
                        "admin:accounts_apikey_changelist",
                        "accounts.view_apikey",
                    ),
                    _link(
                        _("Attempts to sign in"),
                        "lock_person",
                        "admin:axes_accessattempt_changelist",
                        "axes.view_accessattempt",
                    ),
                ],
            },
            {
                "title": _("The machine"),
                "separator": True,
                "items": [
                    _link(
                        _("Workers"),
                        "memory",
                        "admin:ops_workerheartbeat_changelist",
                        "ops.view_workerheartbeat",
                    ),
                ],
            },
        ],
    },
}
