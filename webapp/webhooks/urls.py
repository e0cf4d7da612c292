from django.urls import path

from webapp.webhooks import views

urlpatterns = [
    path("account/webhooks/", views.webhooks, name="webhooks"),
    path("account/webhooks/<uuid:public_id>/test/", views.webhook_try, name="webhook_try"),
    path("account/webhooks/<uuid:public_id>/on/", views.webhook_on, name="webhook_on"),
    path("account/webhooks/<uuid:public_id>/remove/", views.webhook_end, name="webhook_end"),
]
