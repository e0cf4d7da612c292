"""What all templates have in common, and the studio's pages among themselves."""

import re
from pathlib import Path

from django.conf import settings
from django.template import engines
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion

FOLDER = Path(settings.BASE_DIR) / "templates"


def unused_in(path: Path) -> list[str]:
    """What a template loads and has no tag or filter of."""
    text = re.sub(r"{#.*?#}", "", path.read_text())
    loaded = " ".join(re.findall(r"{% load (.*?) %}", text)).split()
    text = re.sub(r"{% load .*? %}", "", text)
    used = {*re.findall(r"{%\s*(\w+)", text), *re.findall(r"\|(\w+)", text)}
    known = engines["django"].engine.template_libraries
    return [name for name in loaded if not used & {*known[name].tags, *known[name].filters}]


def test_no_template_loads_tags_that_it_does_not_use() -> None:
    unused = {str(path): unused_in(path) for path in FOLDER.rglob("*.html") if unused_in(path)}
    assert unused == {}


def test_every_page_of_the_admin_has_the_switch_of_languages_once(
    live_version: ModelVersion, client: Client
) -> None:
    admin = User.objects.create_superuser("admin", password=None)
    client.force_login(admin)
    addresses = [
        reverse("admin:recognizers_modelversion_changelist"),
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_add"),
        reverse("admin:accounts_user_change", args=[admin.pk]),
        reverse("studio:recognizer", args=[live_version.recognizer_id]),
        reverse("studio:dataset_new"),
        reverse("admin:index"),
    ]
    for address in addresses:
        page = client.get(address).content.decode()
        footer = page[page.index("<footer>") : page.index("</footer>")]
        assert page.count('class="languages"') == footer.count('class="languages"') == 1, address
