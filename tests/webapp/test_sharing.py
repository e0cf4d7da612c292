"""A link that anybody may open, until it is taken back."""

import re
import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.deletions import deletion_undo, predictions_delete
from webapp.predictions.models import Prediction
from webapp.predictions.sharing import prediction_share
from webapp.recognizers.models import ModelVersion

Upload = Callable[..., list[Prediction]]


@pytest.fixture
def answered(new_version: Callable[..., ModelVersion], upload_of: Upload) -> Prediction:
    go_live(new_version(knows_pictures=True))
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    row.file_name = "grandmother.jpg"
    row.save()
    return row


@pytest.fixture
def shared(owner: User, answered: Prediction) -> Prediction:
    assert prediction_share(owner=owner, public_id=answered.public_id)
    answered.refresh_from_db()
    return answered


def pages(row: Prediction) -> list[str]:
    page = f"/s/{row.share}/"
    return [page, f"{page}picture.jpg", f"{page}map-1.png", f"{page}nearest-1.jpg"]


def test_whoever_has_the_link_sees_the_answer_and_nothing_else_of_its_owner(
    client: Client,
    owner_client: Client,
    other_client: Client,
    curator_client: Client,
    shared: Prediction,
) -> None:
    for visitor in (client, owner_client, other_client, curator_client):
        for page in pages(shared):
            response = visitor.get(page)
            assert response.status_code == 200, page
            assert response["Cache-Control"] == "private, no-store"
            assert response["Referrer-Policy"] == "same-origin"
            assert "noindex" in response["X-Robots-Tag"]
    page = client.get(pages(shared)[0]).content.decode()
    assert "almost certain" in page
    assert "How was this computed?" in page
    assert 'content="noindex' in page
    assert "grandmother" not in page
    assert "owner" not in page
    assert "curl" not in page
    assert str(shared.public_id) not in page
    content = page[page.index("<main") : page.index("</main>")]
    assert "csrfmiddlewaretoken" not in content
    for address in re.findall(r'src="(/s/[^"]*)"', page):
        assert client.get(address).status_code == 200, address
    assert page.count(f'src="/s/{shared.share}/map-') == 3


def test_there_is_no_link_before_it_is_made(
    client: Client, owner_client: Client, answered: Prediction
) -> None:
    assert client.get(f"/s/{uuid.uuid4()}/").status_code == 404
    assert client.get(f"/s/{answered.public_id}/").status_code == 404
    page = owner_client.get(f"/predictions/{answered.public_id}/").content.decode()
    assert "Make a link" in page
    assert "share-link" not in page


def test_the_owner_makes_it_shows_it_and_revokes_it(
    client: Client, owner_client: Client, answered: Prediction
) -> None:
    page = f"/predictions/{answered.public_id}/"
    assert owner_client.post(f"{page}share/")["Location"] == f"{page}#share"
    answered.refresh_from_db()
    first = answered.share
    shown = owner_client.get(page).content.decode()
    assert f'value="http://testserver/s/{first}/"' in shown
    owner_client.post(f"{page}share/")
    answered.refresh_from_db()
    assert answered.share == first  # asked twice, one link

    assert owner_client.post(f"{page}unshare/")["Location"] == f"{page}#share"
    for each in (f"/s/{first}/", f"/s/{first}/picture.jpg", f"/s/{first}/map-1.png"):
        assert client.get(each).status_code == 404, each
        assert owner_client.get(each).status_code == 404, each
    owner_client.post(f"{page}share/")
    answered.refresh_from_db()
    assert answered.share not in (None, first)


def test_a_link_is_made_by_a_form_and_not_by_a_look(
    owner_client: Client, answered: Prediction
) -> None:
    for action in ("share", "unshare"):
        path = f"/predictions/{answered.public_id}/{action}/"
        assert owner_client.get(path).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(answered.owner)
    assert strict.post(f"/predictions/{answered.public_id}/share/").status_code == 403
    answered.refresh_from_db()
    assert answered.share is None


def test_what_is_deleted_is_not_there_under_its_link_either(
    client: Client, owner: User, shared: Prediction
) -> None:
    deletion = uuid.uuid4()
    predictions_delete(owner=owner, public_ids=[shared.public_id], deletion=deletion)
    for page in pages(shared):
        assert client.get(page).status_code == 404, page
    deletion_undo(owner=owner, deletion=deletion)
    assert client.get(pages(shared)[0]).status_code == 200
    Prediction.objects.update(deleted_at=timezone.now())
    assert not prediction_share(owner=owner, public_id=shared.public_id)


def test_whoever_leaves_takes_the_links_along(
    client: Client, owner: User, shared: Prediction
) -> None:
    owner.is_active = False
    owner.save()
    for page in pages(shared):
        assert client.get(page).status_code == 404, page


def test_only_an_answer_is_shared(
    owner: User, owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("blue")
    assert owner_client.post(f"/predictions/{row.public_id}/share/").status_code == 404
    assert "Make a link" not in owner_client.get(f"/predictions/{row.public_id}/").content.decode()
