"""Pictures of a dataset: looked at by class and page by page, moved, left out, taken in again, undone."""

import re
from collections.abc import Iterable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.webapp.datasets import FILES, dataset_of, row_of
from tests.webapp.test_history_plans import plan_of
from webapp.accounts.models import User
from webapp.studio.datasets import browsing
from webapp.studio.datasets.examples import mark_of
from webapp.studio.models import Dataset, Example

PICKED = re.compile(r'name="picked"\s+value="([^"]+)"')


@pytest.fixture
def dataset(curator: User) -> Dataset:
    return dataset_of(created_by=curator)


@pytest.fixture
def many(db: None) -> Dataset:
    """150 pictures in two classes, without files."""
    dataset = Dataset.objects.create(name="Many", folder_name="many", state=Dataset.State.READY)
    Example.objects.bulk_create(
        Example(
            dataset=dataset,
            path=f"datasets/many/{label}/{i:03}.jpg",
            label=label,
            given_label=label,
        )
        for label in ("ant", "bee")
        for i in range(75)
    )
    return dataset


@pytest.fixture
def second(db: None) -> Client:
    """Another curator."""
    client = Client()
    client.force_login(User.objects.create_superuser("second", password="second's password"))
    return client


def page(client: Client, dataset: Dataset, query: str = "") -> str:
    response = client.get(reverse("studio:dataset", args=[dataset.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def files_on(text: str) -> list[str]:
    return [path.rpartition("/")[2] for path in re.findall(r'aria-label="(datasets/[^"]+)"', text)]


def change(
    client: Client, dataset: Dataset, action: str, picked: Iterable[str], **values: str
) -> str:
    """Do something with what is picked; the page that follows."""
    address = reverse("studio:examples_change", args=[dataset.pk])
    values = {"action": action, "picked": list(picked), **values}  # type: ignore[dict-item]
    return client.post(address, values, follow=True).content.decode()


def seen(*rows: Example) -> list[str]:
    return [f"{row.pk}-{mark_of(row)}" for row in rows]


def undo(client: Client, dataset: Dataset, text: str) -> str:
    match = re.search(r'name="undo"\s+value="([^"]+)"', text)
    assert match, "there is nothing to undo"
    address = reverse("studio:examples_undo", args=[dataset.pk])
    return client.post(address, {"undo": match[1]}, follow=True).content.decode()


def test_every_picture_is_on_one_page_there_and_back(curator_client: Client, many: Dataset) -> None:
    text, found = page(curator_client, many), []
    found.append(files_on(text))
    while match := re.search(r'rel="next"\s+href="([^"]+)"', text):
        text = page(curator_client, many, match[1])
        found.append(files_on(text))
    assert [len(each) for each in found] == [60, 60, 30]
    assert found[0][0] == "000.jpg"
    back = [found[-1]]
    while match := re.search(r'rel="prev"\s+href="([^"]+)"', text):
        text = page(curator_client, many, match[1])
        back.append(files_on(text))
    assert back[::-1] == found


def test_what_is_shown_can_be_narrowed_down(curator_client: Client, many: Dataset) -> None:
    row_of(many, "ant/000.jpg")
    many.examples.filter(path__endswith="ant/001.jpg").update(label="bee")
    many.examples.filter(path__endswith="ant/002.jpg").update(excluded="curator")
    text = page(curator_client, many)
    assert "149 pictures" in text
    assert "1 left out" in text
    assert len(files_on(page(curator_client, many, "?class=ant&after=0"))) == 60
    assert files_on(page(curator_client, many, "?show=moved")) == ["001.jpg"]
    assert files_on(page(curator_client, many, "?show=curator")) == ["002.jpg"]
    assert files_on(page(curator_client, many, "?show=curator&class=bee")) == []
    assert files_on(page(curator_client, many, "?q=BEE/07")) == [f"07{i}.jpg" for i in range(5)]
    assert "No picture is like this" in page(curator_client, many, "?q=%25")
    assert "No picture is like this" in page(curator_client, many, "?class=nothing")
    for odd in ("?after=x", "?after=-1", f"?before={10**30}", "?show=odd", "?q=%00", "?class=%00"):
        page(curator_client, many, odd)


def test_a_search_that_stops_early_says_so_and_goes_on(
    curator_client: Client, many: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "SEARCH_ROWS", 40)
    text, found, num_pages = page(curator_client, many, "?q=/bee/00"), [], 1
    while match := re.search(r'rel="next"\s+href="([^"]+)"', text):
        assert "stopped here" in text
        found += files_on(text)
        text, num_pages = page(curator_client, many, match[1].replace("&amp;", "&")), num_pages + 1
    assert found + files_on(text) == [f"00{i}.jpg" for i in range(10)]
    assert num_pages > 2


def test_pictures_move_to_another_class_and_back_by_undo(
    curator_client: Client, dataset: Dataset
) -> None:
    picked = PICKED.findall(page(curator_client, dataset, "?class=ant"))[:2]
    text = change(curator_client, dataset, "move", picked, label="bee", **{"class": "ant"})
    assert "2 pictures were moved to “bee”" in text
    assert files_on(text) == ["3.jpg"], "the same page, with what is left"
    assert row_of(dataset, "ant/1.jpg").label == "bee"
    assert row_of(dataset, "ant/1.jpg").file.is_file(), "the file stays where it is"
    text = undo(curator_client, dataset, text)
    assert "2 pictures are as they were before" in text
    assert "Undo the last change" not in text
    assert not dataset.examples.exclude(label=row_of(dataset, "ant/1.jpg").label).filter(
        path__contains="/ant/"
    )


def test_pictures_are_left_out_and_taken_in_again(curator_client: Client, dataset: Dataset) -> None:
    rows = [row_of(dataset, "ant/1.jpg"), row_of(dataset, "bee/1.jpg")]
    assert "2 pictures are left out" in change(curator_client, dataset, "exclude", seen(*rows))
    assert dataset.examples.included().count() == 3
    text = page(curator_client, dataset, "?show=curator")
    picked = PICKED.findall(text)
    assert "2 pictures are in the dataset again" in change(
        curator_client, dataset, "restore", picked
    )
    assert dataset.examples.included().count() == 5


def test_a_picture_gets_the_class_again_that_it_came_with(
    curator_client: Client, dataset: Dataset
) -> None:
    row = row_of(dataset, "ant/1.jpg")
    change(curator_client, dataset, "move", seen(row), label="a new class")
    row.refresh_from_db()
    assert row.label == "a new class"
    text = change(curator_client, dataset, "take_back", seen(row))
    assert "has the class again that it came with" in text
    row.refresh_from_db()
    assert row.label == "ant"


def test_a_picture_whose_file_is_gone_stays_left_out(
    curator_client: Client, dataset: Dataset
) -> None:
    row = row_of(dataset, "ant/1.jpg")
    Example.objects.filter(pk=row.pk).update(excluded="gone")
    row.refresh_from_db()
    assert "is gone, so it stays left out" in change(curator_client, dataset, "restore", seen(row))
    row.refresh_from_db()
    assert row.excluded == "gone"


def test_of_two_curators_who_move_the_same_picture_the_second_is_told(
    curator_client: Client, second: Client, dataset: Dataset
) -> None:
    rows = [row_of(dataset, "ant/1.jpg"), row_of(dataset, "ant/2.jpg")]
    both = seen(*rows)  # both look at the same page
    change(curator_client, dataset, "move", both[:1], label="wasp")
    text = change(second, dataset, "move", both, label="bee")
    assert "1 picture was moved to “bee”" in text
    assert "1 picture was changed by somebody else meanwhile" in text
    assert row_of(dataset, "ant/1.jpg").label == "wasp"
    assert row_of(dataset, "ant/2.jpg").label == "bee"


def test_undo_leaves_alone_what_somebody_else_has_changed_since(
    curator_client: Client, second: Client, dataset: Dataset
) -> None:
    rows = [row_of(dataset, "ant/1.jpg"), row_of(dataset, "ant/2.jpg")]
    text = change(curator_client, dataset, "move", seen(*rows), label="wasp")
    assert (
        "nothing to undo"
        in second.post(
            reverse("studio:examples_undo", args=[dataset.pk]), {"undo": ""}, follow=True
        ).content.decode()
    )
    rows[0].refresh_from_db()
    change(second, dataset, "exclude", seen(rows[0]))
    text = undo(curator_client, dataset, text)
    assert "1 picture is as it was before" in text
    assert "1 picture was changed by somebody else" in text
    assert row_of(dataset, "ant/1.jpg").label == "wasp"


def test_a_double_click_changes_once_and_can_be_undone(
    curator_client: Client, dataset: Dataset
) -> None:
    picked = seen(row_of(dataset, "ant/1.jpg"))
    change(curator_client, dataset, "move", picked, label="bee")
    text = change(curator_client, dataset, "move", picked, label="bee")
    assert "so already" in text
    undo(curator_client, dataset, text)
    assert row_of(dataset, "ant/1.jpg").label == "ant"


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("", "choose the class"),
        ("  ", "choose the class"),
        ("BEE", "a class “bee” already"),
        ("ant|bee", "that can be seen"),
        ("a\u200bb", "that can be seen"),
        ("x" * 256, "at most 255 characters, received 256"),
    ],
)
def test_a_class_that_cannot_be_is_refused_and_nothing_changed(
    curator_client: Client, dataset: Dataset, label: str, told: str
) -> None:
    row = row_of(dataset, "ant/1.jpg")
    assert told in change(curator_client, dataset, "move", seen(row), label=label)
    assert row_of(dataset, "ant/1.jpg").label == "ant"


def test_nothing_selected_or_nonsense_changes_nothing(
    curator_client: Client, dataset: Dataset
) -> None:
    before = list(dataset.examples.values_list("label", "excluded"))
    assert "select pictures first" in change(curator_client, dataset, "exclude", [])
    assert "select pictures first" in change(
        curator_client, dataset, "exclude", ["x-y", "-", "9" * 30]
    )
    row = row_of(dataset, "ant/1.jpg")
    assert "choose what shall be done" in change(curator_client, dataset, "odd", seen(row))
    other = dataset_of("others")
    change(curator_client, other, "exclude", seen(row))
    assert list(dataset.examples.values_list("label", "excluded")) == before


def test_one_picture_has_a_page_with_its_neighbours(
    curator_client: Client, dataset: Dataset
) -> None:
    row = row_of(dataset, "ant/2.jpg")
    address = reverse("studio:example", args=[dataset.pk, row.pk])
    text = curator_client.get(address + "?class=ant").content.decode()
    assert row.path in text
    neighbours = [
        reverse("studio:example", args=[dataset.pk, row_of(dataset, name).pk]) + "?class=ant"
        for name in ("ant/1.jpg", "ant/3.jpg")
    ]
    assert all(each in text for each in neighbours)
    picked = PICKED.findall(text)
    text = change(curator_client, dataset, "exclude", picked, example=str(row.pk))
    assert "Left out: by a curator" in text
    assert "Undo the last change" in text
    first = curator_client.get(neighbours[0]).content.decode()
    assert 'rel="prev"' not in first
    missing = reverse("studio:example", args=[dataset.pk, 10**6])
    assert curator_client.get(missing).status_code == 404


@pytest.mark.parametrize("query", ["", "?class=ant", "?show=moved", "?q=0"])
def test_a_page_takes_the_same_number_of_queries_however_many_pictures_there_are(
    curator_client: Client, many: Dataset, query: str
) -> None:
    few = dataset_of("few", *FILES)
    numbers = []
    for dataset in (few, many):
        Example.objects.filter(pk=dataset.examples.earliest("pk").pk).update(label="moved")
        with CaptureQueriesContext(connection) as queries:
            page(curator_client, dataset, query)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 10


PLANS = [
    ("", "example_all"),
    ("?class=ant", "example_class"),
    ("?class=ant&after=20", "example_class"),
    ("?after=20", "example_all"),
    ("?before=90", "example_all"),
    ("?show=curator", "example_all"),
    ("?show=curator&class=ant", "example_class"),
    ("?show=moved", "example_moved"),
    ("?q=none", "example_all"),
    ("?q=none&class=bee", "example_class"),
]


@pytest.mark.parametrize(("query", "index"), PLANS)
def test_a_page_is_found_along_an_index_in_order(
    curator_client: Client, many: Dataset, query: str, index: str
) -> None:
    many.examples.filter(pk__in=list(many.examples.values_list("pk", flat=True)[:5])).update(
        label="moved"
    )
    with CaptureQueriesContext(connection) as queries:
        page(curator_client, many, query)
    [*_windows, sql] = [
        each["sql"]
        for each in queries
        if 'FROM "studio_example"' in each["sql"] and "LIMIT" in each["sql"]
    ]
    steps = " / ".join(plan_of(sql))
    # PostgreSQL knows nothing of this small table yet: of two indexes in order it takes either.
    either = {index, "example_all"} if connection.vendor == "postgresql" else {index}
    assert any(each in steps for each in either), (steps, sql)
    assert "TEMP B-TREE" not in steps, (steps, sql)
    assert "Sort" not in steps, (steps, sql)


def test_classes_are_counted_along_an_index(curator_client: Client, many: Dataset) -> None:
    with CaptureQueriesContext(connection) as queries:
        page(curator_client, many)
    [sql] = [each["sql"] for each in queries if "GROUP BY" in each["sql"]]
    steps = " / ".join(plan_of(sql))
    assert "example_class" in steps, (steps, sql)
    assert "TEMP B-TREE" not in steps, (steps, sql)
