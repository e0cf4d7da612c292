"""What people type about their own account. Django's forms, with labels and a password that is asked for
the way the sign-in asks."""

import uuid
from typing import Any

from django import forms
from django.contrib.auth.forms import (
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
    UserCreationForm,
    UsernameField,
)
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from webapp.accounts.limits import RESETS_PER_MAILBOX, attempt_count
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import password_is_right

WRONG_PASSWORD = _("This is not your password. Please type the one that you sign in with.")
AGAIN = _("The same password again")


class SignUpForm(UserCreationForm[User]):
    """A new account, without any rights."""

    class Meta:
        model = User
        fields = ("username", "email")
        field_classes = {"username": UsernameField}
        labels = {"username": _("User name"), "email": _("Mail address (may be left out)")}
        help_texts = {
            "username": _("Up to 150 letters, digits and @ . + - _"),
            "email": _("Only for a link to a new password, should you forget yours."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "email"
        self.fields["password2"].label = AGAIN
        self.fields["password2"].help_text = ""


class ConfirmForm(forms.Form):
    """The password once more, before something that a session left open should not allow."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self._request = request
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not password_is_right(self._request, password):
            raise forms.ValidationError(WRONG_PASSWORD, code="wrong")
        return password


class MailForm(ConfirmForm):
    """Another mail address, or none."""

    email = forms.EmailField(
        label=_("Mail address"),
        required=False,
        max_length=254,
        help_text=_("Only for a link to a new password. Leave it empty to have none."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ["email", "password"]


class OwnPasswordForm(PasswordChangeForm):
    """A new password, by whoever knows the old one."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self.fields["old_password"].label = _("The password until now")
        self.fields["new_password2"].label = AGAIN
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        password = str(self.cleaned_data["old_password"])
        if not password_is_right(self._request, password):
            raise forms.ValidationError(WRONG_PASSWORD, code="wrong")
        return password


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic for the checker only
    """A new password, by whoever has the link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password2"].label = AGAIN
        self.fields["new_password2"].help_text = ""


class ResetForm(PasswordResetForm):
    """Whose password was forgotten. `connection` is open before anybody is looked for, so that a mail
    server that is away is told to everybody alike."""

    connection: BaseEmailBackend | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("The mail address of your account")

    def get_users(self, email: str) -> Any:
        """Nobody, where this mailbox has had its mails in this hour: whoever asks sees no difference."""
        who = email.casefold()
        if not attempt_count(kind="reset mail", who=who, limit=RESETS_PER_MAILBOX):
            return iter(())
        return super().get_users(email)

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        """Through the connection; what goes wrong there is for the view to tell."""
        subject = render_to_string(subject_template_name, context).strip()
        body = render_to_string(email_template_name, context)
        mail = EmailMultiAlternatives(
            subject, body, from_email, [to_email], connection=self.connection
        )
        mail.send()


class KeyForm(forms.Form):
    """A new API key of one's own. `number`: the same form sent twice makes one key."""

    number = forms.UUIDField(required=False, initial=uuid.uuid4, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name"),
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text=_("What it is used for: “camera trap”, say."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("until it is revoked")),
            ("30", _("30 days")),
            ("90", _("90 days")),
            ("365", _("a year")),
        ],
    )
