from django.urls import path

from webapp.ops import views

urlpatterns = [path("healthz", views.alive, name="alive")]
