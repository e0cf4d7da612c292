from django.urls import path

from webapp.belongings import views

urlpatterns = [
    path("account/download/", views.download, name="download"),
    path("account/download/<int:first>-<int:last>.zip", views.archive, name="archive"),
    path("account/delete/", views.leave, name="leave"),
]
