from django.urls import path

from webapp.studio.audits import views

urlpatterns = [
    path("<int:dataset_id>/", views.audit, name="audit"),
    path("<int:dataset_id>/start/", views.audit_start, name="audit_start"),
    path("<int:dataset_id>/cancel/", views.audit_cancel, name="audit_cancel"),
    path("<int:dataset_id>/state/", views.audit_state, name="audit_state"),
    path("<int:dataset_id>/changed/", views.audit_changed, name="audit_changed"),
    path("<int:dataset_id>/<int:job_id>/finding/", views.audit_finding, name="audit_finding"),
    path("<int:dataset_id>/<int:job_id>/fix/", views.audit_fix, name="audit_fix"),
    path("<int:dataset_id>/<int:job_id>/undo/", views.audit_undo, name="audit_undo"),
]
