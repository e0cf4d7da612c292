"""Guests where several processes and threads serve them at once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.stack import Stack, Visitor
from tests.waiting import wait_for

NAMES = [f"picture-{number}.jpg" for number in range(8)]


@pytest.fixture
def open_stack(stack: Stack) -> Stack:
    stack.environment["OCELLUS_ANONYMOUS_UPLOADS"] = "1"
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.install("colours")
    stack.start("redis", "web")
    return stack


@pytest.mark.slow
@pytest.mark.on_postgres
def test_first_pictures_that_a_browser_sends_at_once_are_one_guests(open_stack: Stack) -> None:
    """None of them brings a session; each answer brings one, and each of these sees all pictures."""
    with httpx.Client(base_url=open_stack.url, timeout=30) as client:
        page = client.get("/").text
        marked = dict(client.cookies)
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    values = {
        "csrfmiddlewaretoken": token,
        "upload": page.split('name="upload" value="')[1].split('"')[0],
        "recognizer": page.split('<option value="')[1].split('"')[0],
    }

    def first(name: str) -> dict[str, str]:
        with httpx.Client(base_url=open_stack.url, cookies=marked, timeout=60) as client:
            files = [("pictures", (name, picture_bytes("red")))]
            answer = client.post("/", data=values, files=files, headers={"Referer": open_stack.url})
            assert answer.status_code == 302, answer.text
            return dict(client.cookies)

    with ThreadPoolExecutor(len(NAMES)) as pool:
        jars = list(pool.map(first, NAMES))
    assert open_stack.query("SELECT COUNT(*) FROM accounts_user") == [(1,)]
    assert len({jar["sessionid"] for jar in jars}) == len(NAMES)
    for jar in (jars[0], jars[-1]):
        with httpx.Client(base_url=open_stack.url, cookies=jar, timeout=30) as client:
            history = client.get("/history/").text
            for name in NAMES:
                assert name in history
            # And goes on: the token of the page that was open is still good.
            files = [("pictures", ("more.jpg", picture_bytes("red")))]
            headers = {"Referer": open_stack.url}
            assert client.post("/", data=values, files=files, headers=headers).status_code == 302
    assert open_stack.query("SELECT COUNT(*) FROM accounts_user") == [(1,)]


@pytest.mark.slow
@pytest.mark.on_postgres
def test_a_worker_removes_guests_who_do_not_come_back(open_stack: Stack) -> None:
    with httpx.Client(base_url=open_stack.url, follow_redirects=True, timeout=30) as client:
        guest = Visitor(client)
        assert "red.jpg" in guest.upload(("red.jpg", picture_bytes("red"))).text
        open_stack.shell(
            "from datetime import timedelta\n"
            "from django.utils import timezone\n"
            "from webapp.accounts.models import User\n"
            "User.objects.update(seen_at=timezone.now() - timedelta(days=15))\n"
            "from webapp.accounts.tidying import tidy\n"
            "tidy()\n"  # as a worker does when it starts, and every hour
        )
        assert guest.get("/history/").url.path == "/sign-in/"
    open_stack.start("inference")
    wait_for(lambda: open_stack.query("SELECT id FROM accounts_user") == [], what="the guest's end")
    wait_for(lambda: not list(open_stack.pictures_dir.rglob("*.jpg")), what="the pictures' end")
