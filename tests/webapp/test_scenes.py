"""What `make screenshots` photographs: whatever is a page."""

import uuid
from urllib.parse import urlsplit

from django.test import Client
from django.urls import resolve

from tests import every_page
from tests.browser import scenes
from webapp.accounts.models import User


def photographed() -> set[str]:
    """The names of the pages that have a scene, as `reverse` takes them."""
    somewhere = str(uuid.uuid4())
    places = scenes.Places(somewhere, somewhere, somewhere)
    shown = [*scenes.FOR_NOBODY, *scenes.visited(places)]
    paths = (urlsplit(scene.path).path for scene in shown if scene.name != "not-found")
    return {resolve(path).view_name for path in paths}


def test_every_page_has_its_scene(furnished_curator: User, curator_client: Client) -> None:
    """Those of the admin, which are alike, by the lists that people use: see there."""
    known, missing = photographed(), set()
    for name, address in every_page.addresses(furnished_curator):
        if name in known or name.startswith("admin:"):
            continue
        response = curator_client.get(address)
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code == 200 and is_html and b"<html" in response.content:
            missing.add(name)
    assert not missing, f"Give each its line in tests/browser/scenes.py: {sorted(missing)}"
