"""Accounts where several processes serve them: one counts on, another goes on."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from webapp.accounts.limits import SIGN_UPS_PER_ADDRESS


@pytest.mark.slow
@pytest.mark.on_postgres
def test_all_web_processes_count_the_attempts_of_an_address_together(stack: Stack) -> None:
    stack.environment["OCELLUS_SIGN_UP"] = "1"
    stack.create_users("ada")
    stack.start("web")
    with stack.signed_in("ada") as visitor:
        visitor.post("/sign-out/", {}, page="/")
        page = visitor.get("/sign-up/").text
        token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

        def attempt(number: int) -> int:
            form = {"username": "ada", "csrfmiddlewaretoken": token}  # there is one
            headers = {"Referer": stack.url}
            return visitor.client.post("/sign-up/", data=form, headers=headers).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(attempt, range(SIGN_UPS_PER_ADDRESS + 10)))
    assert statuses == {422: SIGN_UPS_PER_ADDRESS, 429: 10}


@pytest.mark.slow
@pytest.mark.on_postgres
def test_a_worker_removes_what_a_killed_web_process_left(colours: Stack) -> None:
    colours.start("redis", "web")
    with colours.signed_in("ada") as ada:
        ada.upload(*((f"{colour}.jpg", picture_bytes(colour)) for colour in ("red", "green")))
        colours.shell(
            "from webapp.accounts.models import User\n"
            "from webapp.belongings.leaving import account_leave\n"
            "account_leave(user=User.objects.get())\n"
        )
        assert ada.get("/history/").url.path == "/sign-in/"
    assert len(list(colours.pictures_dir.rglob("*.jpg"))) == 2
    colours.start("inference")
    wait_for(lambda: colours.query("SELECT id FROM accounts_user") == [], what="the person's end")
    wait_for(lambda: not list(colours.pictures_dir.rglob("*.jpg")), what="the pictures' end")
    assert colours.states() == {}
