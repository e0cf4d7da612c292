"""Somebody's own account: signing up, the password, the mail address, keys of the API."""

import re
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.webapp.programs import assert_problem, send
from tests.webapp.smtp import SmtpServer
from webapp.accounts import limits, services
from webapp.accounts.limits import attempt_count
from webapp.accounts.models import ApiKey, Attempts, User
from webapp.accounts.services import api_key_create

NEW = "a quite new passphrase"


def sign_up(client: Client, name: str = "ada", **more: str) -> int:
    form = {"username": name, "password1": NEW, "password2": NEW, **more}
    return client.post("/sign-up/", form).status_code


# Signing up


def test_nobody_signs_up_unless_the_operator_allows_it(client: Client, db: None) -> None:
    for response in (client.get("/sign-up/"), client.post("/sign-up/", {"username": "ada"})):
        assert response.status_code == 404
        assert "Please ask them" in response.content.decode()
    assert "/sign-up/" not in client.get("/sign-in/").content.decode()
    assert not User.objects.exists()


def test_whoever_signs_up_is_signed_in_and_has_no_rights(
    client: Client, db: None, settings: Settings
) -> None:
    settings.SIGN_UP = True
    assert "/sign-up/" in client.get("/sign-in/").content.decode()
    assert sign_up(client, email="ada@Example.org", is_staff="1", is_superuser="1") == 302
    user = User.objects.get()
    assert (user.username, user.email) == ("ada", "ada@example.org")
    assert not user.is_staff
    assert not user.is_superuser
    assert client.get("/history/").status_code == 200
    assert client.get("/sign-up/")["Location"] == "/"  # has one now


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"username": "OWNER"}, "already exists"),  # in whatever case
        ({"password2": "something else"}, "match"),
        ({"password1": "password", "password2": "password"}, "too common"),
        ({"email": "nowhere"}, "valid email"),
        ({"username": "a b"}, "valid username"),
    ],
)
def test_what_cannot_be_an_account_is_told_beside_its_field(
    client: Client, owner: User, settings: Settings, form: dict[str, str], sentence: str
) -> None:
    settings.SIGN_UP = True
    values = {"username": "ada", "password1": NEW, "password2": NEW, **form}
    response = client.post("/sign-up/", values)
    assert response.status_code == 422
    text = response.content.decode()
    summary = text.split('role="alert"')[1].split("</div>")[0]
    assert sentence in summary
    field = re.findall(r'href="#(\w+)"', summary)[0]
    assert f'id="{field}"' in text
    assert 'aria-invalid="true"' in text
    assert NEW not in text
    assert User.objects.count() == 1


def test_one_address_signs_up_so_often_and_no_more(
    client: Client, db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIGN_UP = True
    monkeypatch.setattr("webapp.accounts.views.SIGN_UPS_PER_ADDRESS", 2)
    for name in ("ada", "bea"):
        assert sign_up(Client(), name) == 302
    response = client.post("/sign-up/", {"username": "cid", "password1": NEW, "password2": NEW})
    assert response.status_code == 429
    assert response["Retry-After"] == "3600"
    assert "wait an hour" in response.content.decode()
    assert User.objects.count() == 2
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert sign_up(elsewhere, "cid") == 302


@pytest.mark.django_db
def test_attempts_are_counted_for_an_hour_and_then_forgotten() -> None:
    long_ago = timezone.now() - 2 * limits.WINDOW
    old = Attempts.objects.create(kind="a test's", who="x", begins_at=long_ago, number=9)

    def tried() -> list[bool]:
        return [attempt_count(kind="a test's", who="x", limit=2) for _ in range(4)]

    assert tried() == [True, True, False, False]
    assert not Attempts.objects.filter(pk=old.pk).exists()
    row = Attempts.objects.get()
    assert row.number == 2
    assert row.who != "x"  # a hash: whose address it was is nobody's business
    Attempts.objects.update(begins_at=timezone.now() - limits.WINDOW)
    assert tried() == [True, True, False, False]
    assert attempt_count(kind="a test's", who="y", limit=2)
    assert attempt_count(kind="another", who="x", limit=2)


@pytest.mark.parametrize("num_proxies", [0, 1])
def test_an_address_is_what_the_server_in_front_saw_and_no_visitors_word(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, num_proxies: int
) -> None:
    settings.SIGN_UP, settings.PROXIES = True, num_proxies
    monkeypatch.setattr("webapp.accounts.views.SIGN_UPS_PER_ADDRESS", 1)
    statuses = [
        sign_up(Client(headers={"X-Forwarded-For": f"{forged}, {seen}"}), name)
        for name, forged, seen in (
            ("ada", "192.0.2.1", "198.51.100.1"),
            ("bea", "192.0.2.2", "198.51.100.1"),
            ("cid", "192.0.2.3", "2001:db8::1"),
            ("dan", "192.0.2.3", "2001:db8::2"),
        )
    ]
    # Both addresses of the last two are of one household.
    assert statuses == ([302, 429, 302, 429] if num_proxies else [302, 429, 429, 429])


@pytest.mark.parametrize("forwarded", ["198.51.100.1", "unknown", ""])
def test_the_sign_in_counts_by_that_address_too_and_takes_no_nonsense_for_one(
    client: Client, owner: User, settings: Settings, forwarded: str
) -> None:
    settings.AXES_ENABLED, settings.PROXIES = True, 1
    headers = {"X-Forwarded-For": forwarded}
    form = {"username": "owner", "password": "a guess"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/sign-in/", form, headers=headers)
    assert "Too many attempts" in response.content.decode()
    form["password"] = "owner's password"
    response = client.post("/sign-in/", form, headers=headers)
    assert "Too many attempts" in response.content.decode()
    elsewhere = {"X-Forwarded-For": "198.51.100.2"}
    assert client.post("/sign-in/", form, headers=elsewhere).status_code == 302


# The password


def test_a_changed_password_ends_other_sessions_and_not_ones_own(
    owner: User, owner_client: Client
) -> None:
    elsewhere = Client()
    elsewhere.force_login(owner)
    form = {"old_password": "owner's password", "new_password1": NEW, "new_password2": NEW}
    response = owner_client.post("/account/password/", form, follow=True)
    assert "Your password is changed" in response.content.decode()
    assert owner_client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)


@pytest.mark.parametrize(
    ("page", "field"),
    [("password", "old_password"), ("mail", "password"), ("delete", "password")],
)
def test_whoever_finds_a_session_open_cannot_guess_the_password_there(
    owner: User, owner_client: Client, settings: Settings, page: str, field: str
) -> None:
    settings.AXES_ENABLED = True
    form = {"new_password1": NEW, "new_password2": NEW, "email": "mine@example.org"}
    response = owner_client.post(f"/account/{page}/", {**form, field: "a guess"})
    assert response.status_code == 422
    assert "not your password" in response.content.decode()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = owner_client.post(f"/account/{page}/", {**form, field: "a guess"})
    assert "Too many attempts" in response.content.decode()
    response = owner_client.post(f"/account/{page}/", {**form, field: "owner's password"})
    assert "Too many attempts" in response.content.decode()
    owner.refresh_from_db()
    assert owner.check_password("owner's password")
    assert (owner.is_active, owner.email) == (True, "")


def test_the_mail_address_is_changed_with_the_password(owner: User, owner_client: Client) -> None:
    form = {"email": "ada@Example.org", "password": "owner's password"}
    assert owner_client.post("/account/mail/", form)["Location"] == "/account/"
    assert "ada@example.org" in owner_client.get("/account/").content.decode()
    owner_client.post("/account/mail/", {**form, "email": ""})
    owner.refresh_from_db()
    assert owner.email == ""


# A forgotten password


@pytest.fixture
def mailed(owner: User, settings: Settings) -> User:
    """The owner of an account with a mail address, where mail is set up."""
    settings.EMAIL_HOST = "mail.example.org"
    owner.email = "ada@example.org"
    owner.save()
    return owner


def ask_for_link(client: Client, address: str = "ada@example.org") -> str:
    response = client.post("/forgotten/", {"email": address}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def link_in(mail: EmailMessage) -> str:
    [link] = re.findall(r"http://testserver(/forgotten/\S+)", str(mail.body))
    return str(link)


def test_without_mail_the_page_says_who_can_help_instead_of_pretending(
    client: Client, owner: User, mailoutbox: list[EmailMessage]
) -> None:
    for response in (client.get("/forgotten/"), client.post("/forgotten/", {"email": "x@y.zz"})):
        text = response.content.decode()
        assert "sends no mail" in text
        assert 'type="email"' not in text
    assert mailoutbox == []


def test_a_link_by_mail_sets_a_new_password_once(
    client: Client, mailed: User, mailoutbox: list[EmailMessage]
) -> None:
    elsewhere = Client()
    elsewhere.force_login(mailed)
    assert "on its way" in ask_for_link(client)
    [mail] = mailoutbox
    assert mail.to == ["ada@example.org"]
    assert "owner" in str(mail.body)
    link = link_in(mail)
    page = client.get(link, follow=True)
    assert page.redirect_chain[0][0] != link  # the token stays in no address
    form = {"new_password1": NEW, "new_password2": "another"}
    assert client.post(page.redirect_chain[0][0], form).status_code == 422
    form["new_password2"] = NEW
    response = client.post(page.redirect_chain[0][0], form, follow=True)
    assert "Your password is set" in response.content.decode()
    mailed.refresh_from_db()
    assert mailed.check_password(NEW)
    assert elsewhere.get("/account/").status_code == 302
    assert "too old" in Client().get(link, follow=True).content.decode()


def test_who_has_no_account_reads_the_same_as_who_has(
    client: Client, mailed: User, mailoutbox: list[EmailMessage]
) -> None:
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    known, unknown = ask_for_link(client), ask_for_link(client, "nobody@example.org")
    assert token.sub("", known) == token.sub("", unknown)
    assert len(mailoutbox) == 1


def test_a_mailbox_is_not_filled_and_an_address_asks_so_often(
    client: Client, mailed: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        ask_for_link(Client(REMOTE_ADDR=f"192.0.2.{number}"), "Ada@example.org")
    assert len(mailoutbox) == limits.RESETS_PER_MAILBOX
    monkeypatch.setattr("webapp.accounts.views.RESETS_PER_ADDRESS", 0)
    assert client.post("/forgotten/", {"email": "ada@example.org"}).status_code == 429


@pytest.mark.parametrize("address", ["ada@example.org", "nobody@example.org"])
def test_a_mail_server_that_is_away_is_told_to_everybody_alike(
    client: Client, mailed: User, settings: Settings, address: str
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    response = client.post("/forgotten/", {"email": address})
    assert response.status_code == 503
    assert "no mail was sent" in response.content.decode()


def test_a_mail_goes_through_a_mail_server(
    client: Client, mailed: User, settings: Settings
) -> None:
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS, settings.DEFAULT_FROM_EMAIL = False, "ocellus@example.org"
        assert "on its way" in ask_for_link(client)
        [message] = server.messages
    assert "To: ada@example.org" in message
    assert "From: ocellus@example.org" in message
    assert "Subject: Ocellus: a new password" in message


# Keys of the API


def key_on(text: str) -> str:
    return text.split('value="ocl_')[1].split('"', maxsplit=1)[0]


def test_a_key_of_ones_own_is_shown_for_some_minutes_works_and_is_revoked(
    owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = owner_client.post("/account/keys/", {"name": "camera trap", "days": ""}, follow=True)
    assert "no-store" in page["Cache-Control"]
    key = f"ocl_{key_on(page.content.decode())}"
    row = ApiKey.objects.get()
    assert (row.owner, row.name, row.expires_at) == (owner, "camera trap", None)
    # Loaded again, or in another language, the page shows the same and makes no other.
    owner_client.post("/language/", {"language": "zh-hans", "next": "/account/keys/"})
    assert key in owner_client.get("/account/keys/").content.decode()
    owner_client.post("/language/", {"language": "en", "next": "/account/keys/"})
    monkeypatch.setattr("webapp.accounts.new_keys.KEY_SHOWN_MINUTES", 0)
    text = owner_client.get("/account/keys/").content.decode()
    monkeypatch.undo()
    assert row.prefix in text
    assert key not in text
    assert key not in owner_client.get("/account/keys/").content.decode()
    api = Client(headers={"Authorization": f"Bearer {key}"})
    assert_problem(send(api), 422, "no_pictures")
    assert "1 key lets" in owner_client.get("/account/").content.decode()
    owner_client.post(f"/account/keys/{row.pk}/revoke/")
    assert_problem(send(api), 401, "key_revoked")
    text = owner_client.get("/account/keys/").content.decode()
    assert "revoked" in text
    assert f"/account/keys/{row.pk}/revoke/" not in text


def test_the_same_form_sent_thrice_makes_one_key(
    owner: User, other: User, owner_client: Client
) -> None:
    text = owner_client.get("/account/keys/").content.decode()
    number = re.findall(r'name="number" value="([^"]+)"', text)[0]
    form = {"name": "camera trap", "days": "", "number": number}
    pages = [owner_client.post("/account/keys/", form, follow=True) for _ in range(3)]
    assert len({key_on(page.content.decode()) for page in pages}) == 1
    assert ApiKey.objects.count() == 1
    # Another's form with the same number is another key.
    client = Client()
    client.force_login(other)
    page = client.post("/account/keys/", form, follow=True)
    assert key_on(page.content.decode()) != key_on(pages[0].content.decode())


def test_a_revoked_key_is_not_shown(owner: User, owner_client: Client) -> None:
    owner_client.post("/account/keys/", {"name": "camera trap", "days": ""})
    owner_client.post(f"/account/keys/{ApiKey.objects.get().pk}/revoke/")
    assert 'value="ocl_' not in owner_client.get("/account/keys/").content.decode()


def test_a_key_may_expire(owner: User, owner_client: Client) -> None:
    owner_client.post("/account/keys/", {"name": "for a month", "days": "30"})
    row = ApiKey.objects.get()
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)
    ApiKey.objects.update(expires_at=timezone.now())
    assert "expired" in owner_client.get("/account/keys/").content.decode()


@pytest.mark.parametrize("form", [{"name": "", "days": ""}, {"name": "x", "days": "-1"}])
def test_a_key_without_a_name_or_for_odd_days_is_not_made(
    owner_client: Client, form: dict[str, str]
) -> None:
    response = owner_client.post("/account/keys/", form)
    assert response.status_code == 422
    assert not ApiKey.objects.exists()


def test_nobody_has_keys_without_end(
    owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_USABLE_KEYS", 1)
    row, _ = api_key_create(owner=owner, name="the first")
    response = owner_client.post("/account/keys/", {"name": "the second", "days": ""})
    assert response.status_code == 422
    assert "revoke one first" in response.content.decode()
    services.api_key_revoke(key=row)
    owner_client.post("/account/keys/", {"name": "the second", "days": ""})
    assert ApiKey.objects.count() == 2
