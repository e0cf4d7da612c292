"""The class that every page of a model in the admin is made of: django-unfold's, with Django's types."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
else:
    from unfold.admin import ModelAdmin

__all__ = ["ModelAdmin"]
