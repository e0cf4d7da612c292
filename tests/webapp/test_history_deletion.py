"""Deleting from the history: gone at once for everybody, back if undone, and gone from the disk."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.admin.sites import site
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from tests.webapp.rows import rows_of
from webapp.accounts.models import User
from webapp.predictions import deletions, pictures, removal
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.predictions.services import upload_accept
from webapp.recognizers.models import ModelVersion, Recognizer

Upload = Callable[..., list[Prediction]]
State = Prediction.State


def delete(client: Client, *rows: Prediction, back: str = "", deletion: str = "") -> HttpResponse:
    values = {
        "selected": [str(row.public_id) for row in rows],
        "deletion": deletion or str(uuid.uuid4()),
        "back": back,
    }
    return client.post("/history/delete/", values, follow=True)  # type: ignore[return-value]


def undo(client: Client, page: HttpResponse) -> str:
    """Press the button on a page; what follows."""
    form = re.search(r'name="deletion" value="([^"]+)"', page.content.decode())
    assert form is not None
    answer = client.post("/history/undo/", {"deletion": form[1], "back": ""}, follow=True)
    return answer.content.decode()


def let_pass(minutes: float) -> None:
    for row in Prediction.objects.exclude(deleted_at=None):
        row.deleted_at -= timedelta(minutes=minutes)  # type: ignore[operator]
        row.save()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jpg"))


@pytest.fixture
def answered(live_version: ModelVersion, upload_of: Upload) -> list[Prediction]:
    upload_of("red", "green", "blue")
    answer_all_queued()
    return list(Prediction.objects.order_by("position"))


def pages_of(row: Prediction) -> list[str]:
    page = f"/predictions/{row.public_id}/"
    names = ("", "picture.jpg", "thumbnail.jpg", "map-1.png", "nearest-1.jpg")
    return [*(f"{page}{name}" for name in names), f"/api/v1/predictions/{row.public_id}"]


def test_what_is_deleted_is_gone_from_every_page_and_from_the_api(
    owner_client: Client, api: Client, curator: User, answered: list[Prediction]
) -> None:
    first, second, _ = answered
    assert owner_client.get(f"/predictions/{first.public_id}/").status_code == 200
    page = delete(owner_client, first).content.decode()
    assert "1 picture was deleted" in page
    assert f'value="{first.public_id}"' not in page
    for address in pages_of(first):
        client = api if address.startswith("/api") else owner_client
        assert client.get(address).status_code == 404, address
    picture = f"/api/v1/predictions/{first.public_id}/picture.jpg"
    assert api.get(picture).status_code == 404
    upload = owner_client.get(f"/uploads/{first.upload}/").content.decode()
    assert str(first.public_id) not in upload
    assert str(second.public_id) in upload
    assert (
        str(first.public_id)
        not in owner_client.get("/history/ocellus-history.csv").getvalue().decode()
    )
    request = RequestFactory().get("/")
    request.user = curator
    listed = site._registry[Prediction].get_queryset(request)
    assert first not in listed
    assert second in listed


def test_an_upload_of_which_all_is_deleted_is_not_there(
    owner_client: Client, answered: list[Prediction]
) -> None:
    delete(owner_client, *answered)
    assert owner_client.get(f"/uploads/{answered[0].upload}/").status_code == 404
    assert "Nothing yet" in owner_client.get("/history/").content.decode()


def test_undo_brings_back_all_of_one_deletion(
    owner_client: Client, answered: list[Prediction]
) -> None:
    first, second, third = answered
    page = delete(owner_client, first, second)
    delete(owner_client, third)
    assert "2 pictures are back" in undo(owner_client, page)
    for row, status in ((first, 200), (second, 200), (third, 404)):
        assert owner_client.get(f"/predictions/{row.public_id}/").status_code == status
        assert owner_client.get(f"/predictions/{row.public_id}/picture.jpg").status_code == status


def test_undo_is_offered_until_it_is_over_also_after_a_look_elsewhere(
    owner_client: Client, answered: list[Prediction]
) -> None:
    delete(owner_client, answered[0])
    page = owner_client.get("/history/?label=green")
    assert "1 picture was deleted." in page.content.decode()
    assert "1 picture is back" in undo(owner_client, page)  # type: ignore[arg-type]
    assert "was deleted" not in owner_client.get("/history/").content.decode()
    delete(owner_client, answered[1])
    let_pass(minutes=11)
    deletions.sweep()
    assert "was deleted" not in owner_client.get("/history/").content.decode()


def test_the_sweeper_removes_rows_pictures_and_thumbnails_once_undo_is_over(
    owner_client: Client, answered: list[Prediction], settings: Settings
) -> None:
    first, second, third = answered
    for row in answered:
        owner_client.get(f"/predictions/{row.public_id}/thumbnail.jpg")
    folder = Path(settings.PICTURES_DIR)
    assert len(files_in(folder)) == 6
    page = delete(owner_client, first, second)
    let_pass(deletions.UNDO_MINUTES - 1)
    assert deletions.sweep() == 0
    assert len(files_in(folder)) == 6
    let_pass(1.1)
    assert deletions.sweep() == 2
    assert [name.split(".")[0] for name in files_in(folder)] == [Path(third.picture_name).stem] * 2
    assert list(Prediction.objects.all()) == [third]
    assert "is gone" in undo(owner_client, page)
    assert deletions.sweep() == 0


def test_what_the_sweeper_has_begun_with_is_not_brought_back(
    owner_client: Client,
    answered: list[Prediction],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row without its picture would be an answer to nothing."""
    folder = Path(settings.PICTURES_DIR)
    page = delete(owner_client, *answered)
    let_pass(deletions.UNDO_MINUTES + 1)

    class KilledError(BaseException):
        pass

    def die(name: str) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "forget", die)
        with pytest.raises(KilledError):
            deletions.sweep()
    assert "is gone" in undo(owner_client, page)
    assert owner_client.get(f"/predictions/{answered[0].public_id}/").status_code == 404
    assert len(files_in(folder)) == 3
    deletions.sweep()
    assert files_in(folder) == [], "the next one goes on where it died"


def test_more_than_one_round_of_rows_goes_in_one_sweep(
    owner: User, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "REMOVED_AT_ONCE", 2)
    long_ago = timezone.now() - timedelta(days=1)
    rows_of(owner, recognizer, 5, deleted_at=long_ago, deletion=uuid.uuid4(), picture_name="")
    rows_of(owner, recognizer, 1)
    assert deletions.sweep() == 5
    assert Prediction.objects.count() == 1


def test_a_picture_that_cannot_be_removed_is_kept_in_mind_for_the_next_time(
    owner_client: Client,
    answered: list[Prediction],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delete(owner_client, *answered)
    let_pass(deletions.UNDO_MINUTES + 1)
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "forget", lambda name: False)  # as on a disk that is read-only
        assert deletions.sweep() == 3
    folder = Path(settings.PICTURES_DIR)
    away = folder.rename(folder.with_name("away"))
    deletions.sweep()
    folder.mkdir()  # as where a disk is not mounted
    deletions.sweep()
    folder.rmdir()
    away.rename(folder)
    assert len(files_in(folder)) == 3
    deletions.sweep()
    assert files_in(folder) == []


def test_a_picture_that_still_waits_can_be_deleted_and_comes_back_answered(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    page = delete(owner_client, row)
    assert answer_all_queued() == 1
    undo(owner_client, page)
    row.refresh_from_db()
    assert (row.state, row.label) == (State.DONE, "red")


def test_a_repeat_copies_nothing_from_what_was_deleted(
    owner_client: Client, answered: list[Prediction], upload_of: Upload
) -> None:
    delete(owner_client, *answered)
    [again] = upload_of("red")
    assert again.state == State.QUEUED


def test_the_picture_of_a_repeat_outlives_the_first_one(
    owner_client: Client, answered: list[Prediction], upload_of: Upload
) -> None:
    [again] = upload_of("red")
    assert again.state == State.DONE
    delete(owner_client, *answered)
    let_pass(deletions.UNDO_MINUTES + 1)
    deletions.sweep()
    assert owner_client.get(f"/predictions/{again.public_id}/picture.jpg").status_code == 200


def test_a_form_that_is_sent_again_after_its_pictures_were_deleted_is_a_new_upload(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    form = uuid.uuid4()

    def send() -> list[Prediction]:
        files = [SimpleUploadedFile(f"{c}.jpg", picture_bytes(c)) for c in ("red", "green")]
        return upload_accept(owner=owner, recognizer=recognizer, upload=form, files=files)

    first = send()
    assert [row.pk for row in send()] == [row.pk for row in first]
    delete(owner_client, first[0])
    second = send()
    assert {row.pk for row in second}.isdisjoint(row.pk for row in first)
    assert [row.pk for row in send()] == [row.pk for row in second]


def test_nobody_deletes_or_brings_back_what_is_anothers(
    owner_client: Client, other_client: Client, curator_client: Client, answered: list[Prediction]
) -> None:
    for client in (other_client, curator_client):
        page = delete(client, *answered).content.decode()
        assert "not there any more" in page
    assert Prediction.objects.present().count() == 3
    page = delete(owner_client, *answered)
    deletion = str(Prediction.objects.first().deletion)  # type: ignore[union-attr]
    for client in (other_client, curator_client):
        seen = client.get("/history/", {"deleted": deletion}).content.decode()
        assert "Undo" not in seen
        client.post("/history/undo/", {"deletion": deletion})
    assert Prediction.objects.present().count() == 0
    assert "3 pictures are back" in undo(owner_client, page)


def test_who_is_not_signed_in_deletes_nothing(client: Client, answered: list[Prediction]) -> None:
    for address in ("/history/delete/", "/history/undo/"):
        response = client.post(address, {"selected": str(answered[0].public_id)})
        assert response["Location"].startswith("/sign-in/")
    assert Prediction.objects.present().count() == 3


def test_a_double_click_is_one_deletion_that_can_be_undone(
    owner_client: Client, answered: list[Prediction]
) -> None:
    deletion = str(uuid.uuid4())
    delete(owner_client, answered[0], deletion=deletion)
    page = delete(owner_client, answered[0], deletion=deletion)
    assert "1 picture was deleted" in page.content.decode()
    assert "1 picture is back" in undo(owner_client, page)


@pytest.mark.parametrize("selected", [[], ["nonsense"], ["nonsense", "1"]])
def test_nothing_that_was_selected_deletes_nothing_and_says_so(
    owner_client: Client, answered: list[Prediction], selected: list[str]
) -> None:
    values = {"selected": selected, "deletion": "nonsense"}
    page = owner_client.post("/history/delete/", values, follow=True).content.decode()
    assert "Nothing was selected" in page
    assert Prediction.objects.present().count() == 3


def test_one_comes_back_to_the_place_that_one_came_from_and_nowhere_else(
    owner_client: Client, answered: list[Prediction]
) -> None:
    values = {
        "selected": str(answered[0].public_id),
        "back": "label=red&view=table&next=//evil.example&before=5-5",
    }
    place = owner_client.post("/history/delete/", values)["Location"]
    assert place.startswith("/history/?label=red&view=table&before=5-5&deleted=")
    assert "evil" not in place


def test_deleting_and_undoing_are_no_links(
    owner_client: Client, answered: list[Prediction]
) -> None:
    for address in ("/history/delete/", "/history/undo/"):
        assert owner_client.get(address).status_code == 405


@pytest.mark.slow
@pytest.mark.on_postgres
def test_a_worker_removes_what_was_deleted_long_ago(stack: Stack) -> None:
    picture = stack.pictures_dir / "aa" / "deleted.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(picture_bytes())
    stack.shell(
        "import uuid\n"
        "from datetime import timedelta\n"
        "from django.utils import timezone\n"
        "from webapp.accounts.models import User\n"
        "from webapp.predictions.models import Prediction\n"
        "from webapp.recognizers.models import Recognizer\n"
        "Prediction.objects.create(\n"
        "    owner=User.objects.create_user('ada'), upload=uuid.uuid4(), position=0,\n"
        "    recognizer=Recognizer.objects.create(name='Colours', slug='colours'),\n"
        "    picture_name='aa/deleted.jpg', state='done', deletion=uuid.uuid4(),\n"
        "    deleted_at=timezone.now() - timedelta(hours=1),\n"
        ")\n"
    )
    stack.start("redis", "inference")
    wait_for(lambda: stack.states() == {}, what="the row to be gone")
    wait_for(lambda: not picture.exists(), what="the picture to be gone")
