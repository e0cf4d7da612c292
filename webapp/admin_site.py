"""The admin's site: django-unfold's, under our content-security policy."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
else:
    from unfold.sites import UnfoldAdminSite as AdminSite


class StudioSite(AdminSite):
    index_title = gettext_lazy("Overview")

    def _get_colors(self, key: str, *args: Any) -> dict[str, dict[str, str]]:
        """None: they are in static/css/studio.css. In a <style> of each page they would want a looser
        policy."""
        return {}


class StudioAdminConfig(AdminConfig):
    default_site = "webapp.admin_site.StudioSite"


_THEME = csp_update({"script-src": [UNSAFE_EVAL], "style-src-attr": [UNSAFE_INLINE]})


class AdminPolicyMiddleware:
    """The admin's pages may evaluate what their attributes say, and have styles there: the theme's Alpine
    does, and is what opens its menus. No other page may, and nothing from elsewhere is loaded on either."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if request.path.startswith("/admin/"):
            policed: HttpResponseBase = _THEME(lambda _: response)(request)
            return policed
        return response
