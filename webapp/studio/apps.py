from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate
from django.utils.translation import gettext_lazy as _


class StudioConfig(AppConfig):
    name = "webapp.studio"
    verbose_name = _("Studio")

    def ready(self) -> None:
        from webapp.studio.curators import curators_create  # models are ready only by now
        from webapp.studio.loop.files import forget_with_row

        post_migrate.connect(curators_create, sender=self)
        # Whoever deletes a visitor's picture knows nothing of the studio, and must not.
        example = self.get_model("Example")
        post_delete.connect(forget_with_row, sender=example, dispatch_uid="corrections")
