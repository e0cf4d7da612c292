"""What holds for every page: no inline script or style, a policy that forbids it, translated text."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from webapp.accounts.models import User

TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
TAG = re.compile(r"<[a-z][^>]*>", re.IGNORECASE | re.DOTALL)
TEMPLATE = re.compile(
    r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}|\{%\s*blocktranslate.*?endblocktranslate\s*%\}"
    r"|\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
# Tags, the names of symbols and of folders.
NOT_SHOWN = re.compile(
    r"<span[^>]*material-symbols-outlined.*?</span>|<code>.*?</code>|<[^>]*>|&[a-z]+;", re.DOTALL
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert "<style" not in text
    for tag in TAG.findall(text):
        assert not re.search(r"\s(style|on[a-z]+)\s*=", tag), tag
        if tag.startswith("<script"):
            assert "src=" in tag, tag
    assert not re.search(r"<script[^>]*>\s*(?!</script>)\S", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_template_goes_through_the_catalogues(path: Path) -> None:
    if path.name == "500.html":
        return  # shown when nothing works any more, the catalogues included
    words = re.findall(r"[A-Za-z]{3,}", NOT_SHOWN.sub(" ", TEMPLATE.sub(" ", path.read_text())))
    assert words == []
    told = re.findall(
        r'\s(?:aria-label|placeholder|title|alt)="([^"]*)"', TEMPLATE.sub("", path.read_text())
    )
    assert [text for text in told if re.search(r"[A-Za-z]{3}", text)] == []


def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline(owner_client: Client) -> None:
    for page in ("/", "/history/"):
        policy = owner_client.get(page)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in f"{policy};"
        assert "unsafe" not in policy
        assert "http" not in policy


def test_the_admin_may_evaluate_its_attributes_and_nothing_else(curator_client: Client) -> None:
    for page in ("/admin/", "/admin/studio/trainingrun/", "/admin/no-such-page/"):
        policy = curator_client.get(page)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self' 'unsafe-eval';" in f"{policy};"
        assert "style-src 'self';" in f"{policy};"
        assert policy.count("unsafe-inline") == 1  # style-src-attr
        assert "http" not in policy


def test_no_page_names_another_host(owner_client: Client, curator_client: Client) -> None:
    for client, page in (
        (owner_client, "/"),
        (owner_client, "/history/"),
        (curator_client, "/admin/"),
    ):
        text = client.get(page).content.decode()
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', text) == []


def test_a_missing_page_is_explained(owner_client: Client) -> None:
    response = owner_client.get("/no-such-page/")
    assert response.status_code == 404
    assert "it is not yours" in response.content.decode()


def test_a_foreign_host_name_is_refused(client: Client, owner: User) -> None:
    response = client.get("/sign-in/", headers={"Host": "evil.example"})
    assert response.status_code == 400


def test_a_form_without_its_token_is_explained(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/")
    assert response.status_code == 403
    assert "open the page again" in response.content.decode()


def test_the_admin_names_our_icon(curator_client: Client) -> None:
    assert "img/ocellus.svg" in curator_client.get("/admin/").content.decode()
