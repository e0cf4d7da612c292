"""What there is to see of Ocellus: which address, and what is opened, chosen or filled in there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, Route

from tests.stack import Stack
from tests.waiting import wait_for

ARE_LOADED = "[...document.images].every((each) => each.complete)"
Act = Callable[[Page, Stack], None]


def look_on(page: Page, stack: Stack) -> None:
    """Nothing is done."""


@dataclass(frozen=True)
class Scene:
    name: str
    path: str
    act: Act = look_on
    rests: bool = True  # until all is loaded

    def open(self, page: Page, stack: Stack) -> None:
        page.goto(f"{stack.url}{self.path}")
        self.act(page, stack)
        if self.rests:
            page.wait_for_load_state("networkidle")
        # Pictures further down are loaded when somebody gets there.
        page.evaluate("for (const each of document.images) each.loading = 'eager'")
        wait_for(lambda: page.evaluate(ARE_LOADED), what=f"the pictures of {self.name}")


def choose_files(page: Page, stack: Stack) -> None:
    """A list of what will be sent: pictures, and words that pretend to be one."""
    page.locator(".upload--scripted").wait_for()
    page.locator("#id_recognizer").select_option(index=0)
    tried: list[Path] = sorted((stack.data_dir / "try").glob("*-1.jpg"))
    page.locator("#id_pictures").set_input_files(tried)
    words = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"these are words"}
    page.locator("#id_pictures").set_input_files([words])  # type: ignore[list-item]
    page.wait_for_timeout(300)  # the thumbnails are drawn


def send_files(page: Page, stack: Stack) -> None:
    """Some are sent, the others are on their way, since the line is slow."""
    choose_files(page, stack)
    num_let_through = 3

    def hold(route: Route) -> None:
        nonlocal num_let_through
        num_let_through -= 1
        if num_let_through >= 0:
            route.continue_()

    page.route("**/files/", hold)
    page.locator("#upload [type=submit]").click()
    page.wait_for_timeout(1500)


def open_computed(page: Page, stack: Stack) -> None:
    page.locator(".computed > summary").click()


def open_chart(page: Page, stack: Stack) -> None:
    page.locator(".chart > summary").click()
    page.locator(".chart__lines").wait_for()


def open_filters(page: Page, stack: Stack) -> None:
    page.locator(".filters:not(.chart) > summary").first.click()


def select_three(page: Page, stack: Stack) -> None:
    for number in range(3):
        page.locator(".select input").nth(number).check()


def open_all(page: Page, stack: Stack) -> None:
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.wait_for_load_state("networkidle")


LEARNING = Scene("learning", "/", rests=False)
# It leaves pictures behind, so it comes last.
SENDING = Scene("upload-sending", "/", send_files, rests=False)
FOR_NOBODY = [
    Scene("guest", "/"),
    Scene("sign-in", "/sign-in/"),
    Scene("sign-up", "/sign-up/"),
    Scene("forgotten", "/forgotten/"),
    Scene("forgotten-sent", "/forgotten/sent/"),
    Scene("forgotten-done", "/forgotten/done/"),
]
# Whose names begin so are shown in Chinese, too.
IN_CHINESE = {
    *("upload", "answers", "answer", "answer-computed", "history", "history-table"),
    *("history-chart", "account", "webhooks", "api", "studio", "shared"),
}


@dataclass(frozen=True)
class Places:
    """Where there is something to see: numbers and addresses of this installation's rows."""

    answer: str
    shared: str
    upload: str
    example: int = 1
    dataset_version: int = 1
    second_version: int = 1


def visited(places: Places) -> list[Scene]:
    """What a visitor can open who is a curator, too: the first version answers, the second learned of
    corrections."""
    answer, second = f"/predictions/{places.answer}/", places.second_version
    return [
        Scene("upload", "/"),
        Scene("upload-list", "/", choose_files),
        Scene("answers", f"/uploads/{places.upload}/"),
        Scene("answer", answer),
        Scene("answer-computed", answer, open_computed),
        Scene("shared", f"/s/{places.shared}/", open_all),
        Scene("history", "/history/"),
        Scene("history-selected", "/history/", select_three),
        Scene("history-table", "/history/?view=table"),
        Scene("history-filters", "/history/?min=50&state=done", look_on),
        Scene("history-none", "/history/?q=elephant"),
        Scene("history-chart", "/history/", open_chart),
        Scene("chart", "/history/chart/"),
        Scene("account", "/account/"),
        Scene("password", "/account/password/"),
        Scene("mail", "/account/mail/"),
        Scene("keys", "/account/keys/"),
        Scene("webhooks", "/account/webhooks/"),
        Scene("download", "/account/download/"),
        Scene("leave", "/account/delete/"),
        Scene("api", "/api/v1/docs"),
        Scene("not-found", "/nothing/"),
        Scene("studio", "/admin/"),
        Scene("studio-datasets", "/admin/studio/dataset/"),
        Scene("studio-dataset", "/admin/studio/datasets/1/"),
        Scene("studio-dataset-new", "/admin/studio/datasets/new/"),
        Scene("studio-dataset-settings", "/admin/studio/datasets/1/settings/"),
        Scene("studio-dataset-remove", "/admin/studio/datasets/1/delete/"),
        Scene("studio-example", f"/admin/studio/datasets/1/examples/{places.example}/"),
        Scene("studio-dataset-versions", "/admin/studio/datasets/1/versions/"),
        Scene(
            "studio-dataset-version", f"/admin/studio/datasets/versions/{places.dataset_version}/"
        ),
        Scene("studio-audit", "/admin/studio/audits/1/"),
        Scene("studio-runs", "/admin/studio/trainingrun/"),
        Scene("studio-retrain", "/admin/studio/trainingrun/add/"),
        Scene("studio-run", "/admin/studio/trainingrun/1/change/"),
        Scene("studio-version", "/admin/studio/versions/1/"),
        Scene("studio-confusion", "/admin/studio/versions/1/confusion/?given=0"),
        Scene("studio-compare", f"/admin/studio/comparing/{second}/"),
        Scene("studio-promotions", "/admin/studio/comparing/log/1/"),
        Scene("studio-reanswer", f"/admin/studio/reanswering/{second}/"),
        Scene("studio-version-delete", f"/admin/studio/recognizers/versions/{second}/delete/"),
        Scene("studio-inbox", "/admin/studio/loop/inbox/"),
        Scene("studio-routine", "/admin/studio/loop/routine/1/"),
        Scene("studio-corrections", "/admin/predictions/correction/"),
        Scene("studio-recognizers", "/admin/recognizers/recognizer/"),
        Scene("studio-recognizer", "/admin/studio/recognizers/1/"),
        Scene("studio-recognizer-change", "/admin/studio/recognizers/1/edit/"),
        Scene("studio-recognizer-delete", "/admin/studio/recognizers/1/delete/"),
        Scene("studio-users", "/admin/accounts/user/"),
        Scene("studio-user", "/admin/accounts/user/1/change/"),
        Scene("studio-keys", "/admin/accounts/apikey/"),
        Scene("studio-workers", "/admin/ops/workerheartbeat/"),
    ]


def places_of(stack: Stack, person: str) -> Places:
    """Those of an installation where this person has answers."""
    single, shared = _newest(stack, person)
    [(cards,)] = stack.query(
        "SELECT upload FROM predictions_prediction WHERE failure_code <> '' ORDER BY id DESC LIMIT 1"
    )
    [(example,)] = stack.query("SELECT min(id) FROM studio_example WHERE label <> given_label")
    [(frozen,)] = stack.query("SELECT max(id) FROM studio_datasetversion")
    [(second,)] = stack.query(
        "SELECT max(id) FROM recognizers_modelversion WHERE recognizer_id = 1"
    )
    return Places(uuid_of(single), uuid_of(shared), uuid_of(cards), example, frozen, second)


def _newest(stack: Stack, person: str) -> tuple[str, str]:
    [row] = stack.query(
        "SELECT public_id, share FROM predictions_prediction JOIN accounts_user "
        f"ON owner_id = accounts_user.id WHERE username = '{person}' AND share IS NOT NULL "
        "ORDER BY predictions_prediction.id DESC LIMIT 1"
    )
    return row[0], row[1]


def uuid_of(value: object) -> str:
    text = str(value).replace("-", "")  # SQLite keeps it without the dashes
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
