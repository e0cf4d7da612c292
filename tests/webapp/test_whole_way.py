"""The whole way over HTTP, with real Redis and real worker processes."""

from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.pictures import picture_bytes
from tests.shared import SHARED_DATA
from tests.stack import Stack, Visitor
from tests.studio import draw_bugs, retrain
from tests.waiting import wait_for
from training.drawings.bugs import KINDS

TEXT_FILE = ("notes.jpg", b"a text file that calls itself a picture")


def four_photos() -> list[tuple[str, bytes]]:
    """Real photos where they are to be had; else pictures of four kinds made here."""
    paths = sorted((SHARED_DATA / "hymenoptera" / "val" / "bees").glob("*.jpg"))[:4]
    if len(paths) == 4:
        return [(path.name, path.read_bytes()) for path in paths]
    return [
        ("red.jpg", picture_bytes("red", (640, 480))),
        ("green.png", picture_bytes("green", (640, 480), "PNG")),
        ("blue.webp", picture_bytes("blue", (640, 480), "WEBP")),
        ("red.gif", picture_bytes("red", (640, 480), "GIF")),
    ]


def answered(visitor: Visitor, page: httpx.Response) -> str:
    """The page of an upload once all of it is answered."""

    def complete() -> str | None:
        text = visitor.get(page.url.path).text
        return text if 'data-complete="yes"' in text else None

    return wait_for(complete, seconds=60, what="all answers")


def test_four_photos_and_a_text_file_are_answered_and_nobody_else_sees_them(colours: Stack) -> None:
    colours.create_users("eve")
    colours.start("redis", "web", "inference")
    photos = four_photos()
    with colours.signed_in("ada") as ada, colours.signed_in("eve") as eve:
        page = ada.upload(*photos, TEXT_FILE)
        assert page.status_code == 200
        text = answered(ada, page)
        assert "4 of 5 answered" in text
        assert text.count("/thumbnail.jpg") == 4
        assert text.count("Not answered") == 1
        assert "received a file of another kind" in text

        history = ada.get("/history/").text
        for name in [*(name for name, _ in photos), TEXT_FILE[0]]:
            assert name in history
        rows = history.split("history__row")[1:]
        assert sum("version 1" in row for row in rows) == 4

        picture = "/predictions/" + text.split('src="/predictions/')[1].split('"')[0]
        received = ada.get(picture)
        assert received.headers["Content-Type"] == "image/jpeg"
        assert received.headers["X-Content-Type-Options"] == "nosniff"
        assert Image.open(BytesIO(received.content)).format == "JPEG"

        assert "Nothing yet" in eve.get("/history/").text
        for path in (picture, page.url.path):
            assert eve.get(path).status_code == 404
    assert colours.states() == {"done": 4, "failed": 1}


@pytest.mark.slow
def test_a_curator_trains_on_a_folder_watches_it_and_promotes_the_version(
    stack: Stack, tmp_path: Path
) -> None:
    """The studio's way with a real training worker, on drawn pictures and without the network."""
    draw_bugs(stack)
    stack.create_users("curator", is_staff=True)
    stack.start("redis", "web", "inference", "training")
    with stack.signed_in("curator") as curator:
        run_page = retrain(curator)
        assert "The training waits for its turn." in run_page.text
        state_page = run_page.url.path.replace("change/", "state/")

        def ended() -> str | None:
            text = curator.get(state_page).text
            return None if "hx-trigger" in text else text

        text = wait_for(ended, seconds=150, what="the training")
        assert "succeeded" in text, text
        link = text.split('id="run-compare"')[1].split('href="')[1].split('"')[0]
        compare_page = curator.get(link)
        assert "this one would be the first" in compare_page.text
        forms = [part.split('"')[0] for part in compare_page.text.split('action="')[1:]]
        [promote] = [form for form in forms if form.endswith("/promote/")]
        promoted = curator.post(promote, {}, page=link)
        assert "answers from now on" in promoted.text
        drawing = next((stack.data_dir / "datasets" / "bugs" / "val" / KINDS[0]).iterdir())
        page = curator.upload((drawing.name, drawing.read_bytes()))
        assert "answer--done" in answered(curator, page)
    assert stack.states() == {"done": 1}
    [(label, number)] = stack.query(
        "SELECT p.label, v.number FROM predictions_prediction p"
        " JOIN recognizers_modelversion v ON v.id = p.version_id"
    )
    assert label in KINDS
    assert number == 1
