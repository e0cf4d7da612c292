"""MEETS: the Django project. Pages, admin, tasks, database."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
