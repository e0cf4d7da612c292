from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecognizersConfig(AppConfig):
    name = "webapp.recognizers"
    verbose_name = _("Recognizers")
