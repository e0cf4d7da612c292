from django.contrib.auth import views as django_views
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from webapp.accounts import views

urlpatterns = [
    path("sign-out/", django_views.LogoutView.as_view(), name="logout"),
    path("forgotten/", login_not_required(views.ResetView.as_view()), name="password_reset"),
    path(
        "forgotten/sent/",
        login_not_required(
            django_views.PasswordResetDoneView.as_view(template_name="accounts/reset_sent.html")
        ),
        name="password_reset_done",
    ),
    path(
        "forgotten/<uidb64>/<token>/",
        login_not_required(views.NewPasswordView.as_view()),
        name="password_reset_confirm",
    ),
    path(
        "forgotten/done/",
        login_not_required(
            django_views.PasswordResetCompleteView.as_view(template_name="accounts/reset_done.html")
        ),
        name="password_reset_complete",
    ),
    path("account/", views.account, name="account"),
    path("account/password/", views.OwnPasswordView.as_view(), name="password_change"),
    path("account/mail/", views.mail_address, name="mail_address"),
    path("account/keys/", views.api_keys, name="api_keys"),
    path("account/keys/<int:pk>/revoke/", views.api_key_end, name="api_key_end"),
]
