"""Everybody's own account: made, its password, its mail address, its API keys."""

import logging
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
)
from django.core.mail import get_connection
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.forms import (
    KeyForm,
    MailForm,
    NewPasswordForm,
    OwnPasswordForm,
    ResetForm,
    SignUpForm,
)
from webapp.accounts.guests import is_guest
from webapp.accounts.limits import (
    RESETS_PER_ADDRESS,
    RETRY_AFTER,
    SIGN_UPS_PER_ADDRESS,
    attempt_of,
)
from webapp.accounts.models import ApiKey, User
from webapp.accounts.new_keys import KEY_SHOWN_MINUTES, new_key_keep, new_key_of
from webapp.accounts.services import (
    MAX_USABLE_KEYS,
    TooManyKeys,
    api_key_revoke,
    guest_promise,
    mail_change,
    own_api_key_create,
)

logger = logging.getLogger(__name__)


def person(request: HttpRequest) -> User:
    """Who is signed in."""
    if not isinstance(request.user, User):  # LoginRequiredMiddleware has seen to it
        raise Http404
    return request.user


class SignInView(LoginView):
    """Django's; guests may sign in, too."""

    template_name = "accounts/sign_in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A guest is not who they may want to be.
        self.redirect_authenticated_user = not is_guest(request)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        _promise_pictures(self.request, form.get_user())
        return super().form_valid(form)


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """An account of one's own, where the operator allows it; whoever made one is signed in."""
    if request.user.is_authenticated and not is_guest(request):
        return redirect("upload")
    if not settings.SIGN_UP:
        return _refused(
            request, 404, _("Whoever runs this Ocellus gives out its accounts. Please ask them.")
        )
    form = SignUpForm(_sent(request))
    if request.method == "POST":
        if not attempt_of(request, kind="sign up", limit=SIGN_UPS_PER_ADDRESS):
            return _too_often(request)
        if form.is_valid() and (user := _saved(form)):
            _promise_pictures(request, user)
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            messages.success(request, _("Welcome, %(name)s.") % {"name": user.get_username()})
            return redirect("upload")
    return _form_page(request, "accounts/sign_up.html", form)


def _promise_pictures(request: HttpRequest, account: AbstractBaseUser) -> None:
    if is_guest(request) and isinstance(account, User):
        guest_promise(guest=person(request), account=account)


def _saved(form: SignUpForm) -> User | None:
    try:
        return form.save()
    except IntegrityError:  # the same name, at the same moment
        form.add_error("username", _("A user with that username already exists."))
        return None


class ResetView(PasswordResetView):
    """Sends a link for a new password; says so where it cannot."""

    template_name = "accounts/reset.html"
    email_template_name = "accounts/reset_mail.txt"
    subject_template_name = "accounts/reset_subject.txt"
    form_class = ResetForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.EMAIL_HOST:
            return self.get(request)
        if not attempt_of(request, kind="reset", limit=RESETS_PER_ADDRESS):
            return _too_often(request)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: ResetForm) -> HttpResponse:
        try:
            with get_connection() as form.connection:
                return super().form_valid(form)
        except OSError as error:  # also whatever smtplib raises
            logger.error("The mail server %s took no mail: %s", settings.EMAIL_HOST, error)
            sentence = _(
                "The mail server does not answer just now, so no mail was sent. Please try again "
                "later, or ask whoever runs this Ocellus to set a new password."
            )
            return _refused(self.request, 503, sentence)

    def form_invalid(self, form: ResetForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(is_mail_set_up=bool(settings.EMAIL_HOST), **kwargs)


class NewPasswordView(PasswordResetConfirmView):
    """Where the link of the mail leads: a new password, once."""

    template_name = "accounts/reset_new.html"
    form_class = NewPasswordForm

    def form_invalid(self, form: NewPasswordForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class OwnPasswordView(PasswordChangeView):
    """A new password; other browsers are signed out, keys go on."""

    template_name = "accounts/password.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("account")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:
        sentence = _(
            "Your password is changed. Wherever else you were signed in, you no longer are."
        )
        messages.success(self.request, sentence)
        return super().form_valid(form)

    def form_invalid(self, form: OwnPasswordForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@require_GET
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """What there is to one's account, each a page."""
    num_keys = sum(key.is_usable for key in person(request).api_keys.all())
    context = {"num_keys": num_keys, "is_mail_set_up": bool(settings.EMAIL_HOST)}
    return render(request, "accounts/account.html", context)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def mail_address(request: HttpRequest) -> HttpResponse:
    """Where the link for a new password would go."""
    user = person(request)
    form = MailForm(request, _sent(request), initial={"email": user.email})
    if request.method == "POST" and form.is_valid():
        mail_change(user=user, email=form.cleaned_data["email"])
        messages.success(request, _("Your mail address is changed."))
        return redirect("account")
    return _form_page(request, "accounts/mail.html", form)


@never_cache
@require_http_methods(["GET", "POST"])
def api_keys(request: HttpRequest) -> HttpResponse:
    """One's own keys, and a new one: this page shows it for some minutes, also when it is loaded again."""
    user = person(request)
    form = KeyForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        # Without a number it is a form of its own each time.
        number = form.cleaned_data.get("number") or uuid.uuid4()
        try:
            own_api_key_create(
                owner=user,
                name=form.cleaned_data["name"],
                days=form.cleaned_data["days"],
                number=number,
            )
        except TooManyKeys:
            sentence = _("Expected at most %(num)s keys that are in use. Please revoke one first.")
            form.add_error(None, sentence % {"num": MAX_USABLE_KEYS})
        else:
            new_key_keep(request, number)
            return redirect("api_keys")
    context = {
        "keys": list(user.api_keys.order_by("-id")),
        "new_key": new_key_of(request),
        "minutes": KEY_SHOWN_MINUTES,
    }
    return _form_page(request, "accounts/keys.html", form, **context)


@require_POST
def api_key_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a key of one's own."""
    key = get_object_or_404(ApiKey, pk=pk, owner=person(request))
    api_key_revoke(key=key)
    messages.success(request, _("%(key)s opens nothing any more.") % {"key": key})
    return redirect("api_keys")


def _sent(request: HttpRequest) -> QueryDict | None:
    """What a form is filled with: nothing, until it was sent."""
    return request.POST if request.method == "POST" else None


def _form_page(request: HttpRequest, template: str, form: Any, **context: Any) -> HttpResponse:
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, template, {"form": form, **context}, status=status)


def _too_often(request: HttpRequest) -> HttpResponse:
    sentence = _("From your address this was tried too often. Please wait an hour and try again.")
    response = _refused(request, 429, sentence)
    response["Retry-After"] = RETRY_AFTER
    return response


def _refused(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    return render(request, "refused.html", {"sentence": sentence}, status=status)
