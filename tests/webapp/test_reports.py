"""What a version has learned: its report as a page, and what of it can be taken away."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation
from PIL import Image

from tests.bundles import COLOURS
from tests.training.test_pages import HOSTILE, a_report
from tests.webapp.reports import as_json, as_lines, learned_from, outcome, reported_version
from tests.webapp.test_imports import imported_after
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.reports import outcomes as outcomes_module
from webapp.studio.reports.card import model_card
from webapp.studio.reports.quality import verdict
from webapp.studio.reports.sections import sections_of
from webapp.studio.reports.told import Told, told_of

BIRDS = tuple(f"bird {place}" for place in range(200))
PATHS = ["datasets/colours/red/1.jpg", "datasets/colours/red/2.jpg"]

MakeVersion = Callable[..., ModelVersion]


@pytest.fixture
def make(recognizer: Recognizer, tmp_path: Path) -> MakeVersion:
    """Makes a version with this report and other files."""

    def make(
        report: Any = None,
        class_names: tuple[str, ...] = COLOURS,
        files: dict[str, bytes] | None = None,
        **options: Any,
    ) -> ModelVersion:
        content = report if isinstance(report, bytes) else as_json(report or {})
        number = ModelVersion.objects.count() + 1
        return reported_version(
            recognizer,
            tmp_path / "bundles" / f"colours-{number}",
            class_names=class_names,
            files={"report.json": content, **(files or {})},
            **options,
        )

    return make


def text_of(page: bytes) -> str:
    """What a person reads of our part of a page, words apart by one space."""
    ours = page.decode().partition('<div class="studio-page">')[2]
    return " ".join(re.sub("<[^>]+>", " ", ours).replace("\xa0", " ").split())


def report_page(client: Client, version: ModelVersion) -> str:
    answer = client.get(reverse("studio:report", args=[version.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def cell(version: ModelVersion, query: str) -> str:
    return f"{reverse('studio:confusion', args=[version.pk])}?{query}"


def colours_report(**changes: Any) -> dict[str, Any]:
    return a_report(COLOURS, **changes)


def test_the_verdict_says_how_good_it_is_and_how_far_chance_may_have_moved_it(
    make: MakeVersion, curator_client: Client
) -> None:
    report = colours_report()
    report["evaluation"]["figures"]["top1"] = 0.943
    report["evaluation"]["intervals"]["top1"] = [0.9119, 0.9741]
    text = text_of(report_page(curator_client, make(report)).encode())
    assert "94.3 % of 40 test pictures, which it did not learn from, are answered right." in text
    assert "Between 91.2 % and 97.4 %, 95 % sure." in text
    assert "one more mistake would move the figures by 2.5 %" in text
    assert "There is no test split" not in text


def test_what_the_audit_of_an_earlier_release_said_stays_as_it_was_written(
    make: MakeVersion, curator_client: Client
) -> None:
    report = colours_report()
    lines = [
        {"level": "warns", "sentence": "The class red is small."},
        {"level": "notes", "sentence": "Of a kind to come.", "code": "to come", "num": 1},
        {"level": "notes", "sentence": "Half a line.", "code": "few", "num": 1, "params": {}},
    ]
    report["learned_from"]["findings"] = lines
    text = text_of(report_page(curator_client, make(report)).encode())
    assert all(line["sentence"] in text for line in lines)


def test_every_part_of_a_whole_report_is_there(make: MakeVersion, curator_client: Client) -> None:
    text = text_of(report_page(curator_client, make(colours_report())).encode())
    for said in (
        "Macro F1",
        "Log loss",
        "Calibration error",
        "Over 3 folds",
        "What is taken for what",
        "Worst mistakes",
        "Class by class",
        "Before the temperature",
        "distance to the nearest training pictures",
        "Fine-tuned kept",
        "The weights of epoch 4 were kept.",
        "Classes with fewer than 10 pictures to learn from: 1 (red).",
        "int8 or fp32",
        "model.h5",
        "3.15.1",
    ):
        assert said in text, said
    assert "cannot be read" not in text
    assert not re.search("[{][&'\"]|None(?! of)|True", text), "a value that nobody put into words"


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("class_names", [COLOURS, BIRDS], ids=["few", "many"])
def test_few_classes_many_classes_and_several_labels_all_have_a_page(
    make: MakeVersion, curator_client: Client, head: str, class_names: tuple[str, ...]
) -> None:
    report = a_report(class_names, head)
    more: dict[str, Any] = {"thresholds": (0.5, 0.5, 0.5)} if head == "sigmoid" else {}
    version = make(report, COLOURS if more else class_names, **more)
    page = report_page(curator_client, version)
    assert "cannot be read" not in page
    assert ("studio-matrix" in page) == (head == "softmax" and class_names == COLOURS)
    assert ("studio-heat" in page) == (head == "softmax" and class_names == BIRDS)
    assert ("Average precision" in page) == (head == "sigmoid")
    assert page.count('<th scope="row">') >= len(class_names)


@pytest.mark.parametrize("without", [*a_report(), None])
def test_a_report_that_lacks_a_part_shows_the_others(
    make: MakeVersion, curator_client: Client, without: str | None
) -> None:
    whole = colours_report()
    report = {name: value for name, value in whole.items() if without not in (name, None)}
    text = text_of(report_page(curator_client, make(report)).encode())
    assert "cannot be read" not in text
    assert "Files to take away" in text


def rendered(version: ModelVersion, report: dict[str, Any]) -> str:
    """Its sections and its card, as if the bundle held this report."""
    told = Told(version, told_of(version).manifest, report)
    shown = {"version": version, "told": told}
    assert model_card(told)
    verdict(told)
    return "".join(
        render_to_string(section.template, {**shown, "content": section.content})
        for section in sections_of(told)
    )


def test_an_evaluation_that_lacks_a_part_shows_the_others(
    new_version: Callable[..., ModelVersion],
) -> None:
    version = new_version()
    for without in colours_report()["evaluation"]:
        report = colours_report()
        del report["evaluation"][without]
        assert "cannot be read" not in rendered(version, report), without


ODD = (None, 7, -1, "text", "\0\udc80", [], [7], [{}], [[]], {}, {"a": "b"}, True, 1e308, 10**400)


def places_in(content: Any, depth: int) -> Iterator[tuple[Any, ...]]:
    """The way to each value in it."""
    named = content.items() if isinstance(content, dict) else enumerate(content[:1])
    for name, value in named:
        yield (name,)
        if depth and isinstance(value, dict | list):
            for way in places_in(value, depth - 1):
                yield (name, *way)


def with_odd(content: Any, way: tuple[Any, ...], odd: Any) -> Any:
    copied = dict(content) if isinstance(content, dict) else list(content)
    copied[way[0]] = with_odd(content[way[0]], way[1:], odd) if way[1:] else odd
    return copied


@pytest.mark.parametrize(
    "way", [("precision", "num_pictures"), ("none_of_these", "histogram", "edges")]
)
def test_what_is_no_number_and_what_holds_none_are_passed_over(
    new_version: Callable[..., ModelVersion], way: tuple[str, ...]
) -> None:
    version = new_version()
    for odd in ODD:
        rendered(version, with_odd(colours_report(), way, odd)).encode()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("depth", "num_odd"), [(1, 1), pytest.param(3, 3, marks=pytest.mark.slow)])
def test_whatever_a_part_holds_the_page_is_shown(
    new_version: Callable[..., ModelVersion], depth: int, num_odd: int
) -> None:
    """Every value of a report in turn is replaced by odd ones."""
    version, whole = new_version(), colours_report()
    for turn, way in enumerate(places_in(whole, depth)):
        for number in range(num_odd):
            odd = ODD[(turn + number) % len(ODD)]
            rendered(version, with_odd(whole, way, odd)).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "report.json cannot be read"),
        (b"[]", "report.json holds no report"),
        (b'{"evaluation": NaN}', "report.json cannot be read"),
        (b"[" * 100_000, "report.json cannot be read"),
        (b"\xff", "report.json cannot be read"),
        (b" " * (17 * 2**20), "report.json cannot be read"),
    ],
)
def test_a_damaged_report_gets_a_sentence(
    make: MakeVersion, curator_client: Client, content: bytes, said: str
) -> None:
    text = report_page(curator_client, make(content))
    assert said in text
    assert "Files to take away" in text


def test_a_report_that_was_changed_afterwards_is_not_believed(
    make: MakeVersion, curator_client: Client
) -> None:
    version = make(colours_report())
    (version.bundle_path / "report.json").write_bytes(as_json(colours_report(title="other")))
    assert "report.json was changed after the training" in report_page(curator_client, version)


def test_a_bundle_without_a_report_or_without_anything_has_a_page(
    new_version: Callable[..., ModelVersion], curator_client: Client
) -> None:
    version = new_version()
    assert "This version has no report" in report_page(curator_client, version)
    manifest = version.bundle_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("colours", "others"))
    assert "changed afterwards" in text_of(report_page(curator_client, version).encode())
    manifest.unlink()
    assert "found no manifest.json" in report_page(curator_client, version)
    version.bundle_path.rename(version.bundle_path.with_name("elsewhere"))
    assert "found no such folder" in report_page(curator_client, version)


def test_names_are_shown_and_never_obeyed(make: MakeVersion, curator_client: Client) -> None:
    version = make(a_report(HOSTILE), tuple(f"class {i}" for i in range(len(HOSTILE))))
    page = report_page(curator_client, version)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    card = model_card(told_of(version))
    assert "<script>" not in card
    assert "\\<script\\>" in card


# --- The pictures in a cell


@pytest.fixture
def answered(make: MakeVersion, tmp_path: Path) -> ModelVersion:
    """Two red pictures that are taken for blue, one of which is gone, and a green one."""
    lines = [
        outcome(PATHS[0], [2], [0], confidence=0.9131),
        outcome("datasets/colours/green/1.jpg", [1], [1]),
        outcome("datasets/colours/red/gone.jpg", [2], [0], is_outlier=True),
    ]
    version = make(colours_report(), files={"outcomes.jsonl": as_lines(lines)})
    learned_from(version, tmp_path, PATHS)
    return version


def test_a_cell_opens_the_pictures_in_it(answered: ModelVersion, curator_client: Client) -> None:
    page = report_page(curator_client, answered)
    assert f"{reverse('studio:confusion', args=[answered.pk])}?given=2&amp;predicted=0" in page
    shown = curator_client.get(cell(answered, "given=2&predicted=0")).content
    text = text_of(shown)
    assert "Pictures of red that were taken for blue" in text
    assert "is red was said to be blue sure 91.3 %" in text
    assert "The picture is gone from the dataset." in text
    assert "none of these" in text
    [thumbnail] = re.findall(r'src="([^"]+/thumbnail/)"', shown.decode())
    assert curator_client.get(thumbnail)["Content-Type"] == "image/jpeg"


def test_a_class_opens_what_it_missed_and_what_it_got_wrongly(
    answered: ModelVersion, curator_client: Client
) -> None:
    missed = text_of(curator_client.get(cell(answered, "given=2")).content)
    assert "Pictures of red that did not get it" in missed
    assert missed.count("was said to be") == 2
    wrongly = text_of(curator_client.get(cell(answered, "predicted=0")).content)
    assert "Pictures that got blue and are something else" in wrongly
    assert wrongly.count("was said to be") == 2
    right = text_of(curator_client.get(cell(answered, "given=1&predicted=1")).content)
    assert "Pictures of green that were answered right" in right
    none = text_of(curator_client.get(cell(answered, "given=0&predicted=1")).content)
    assert "There is no such picture." in none


def test_a_picture_whose_file_went_is_gone(
    answered: ModelVersion, curator_client: Client, tmp_path: Path
) -> None:
    (tmp_path / PATHS[0]).unlink()
    shown = curator_client.get(cell(answered, "given=2&predicted=0")).content.decode()
    assert shown.count("The picture is gone") == 2


def test_several_labels_are_each_looked_at(make: MakeVersion, curator_client: Client) -> None:
    lines = [outcome("a.jpg", [0, 2], [2]), outcome("b.jpg", [0], [0, 1])]
    kept = {"outcomes.jsonl": as_lines(lines, head="sigmoid")}
    version = make(a_report(COLOURS, "sigmoid"), files=kept, thresholds=(0.5, 0.5, 0.5))
    missed = curator_client.get(cell(version, "given=0")).content.decode()
    assert "a.jpg" in missed
    assert "b.jpg" not in missed
    wrongly = curator_client.get(cell(version, "predicted=1")).content.decode()
    assert "b.jpg" in wrongly
    assert "a.jpg" not in wrongly


@pytest.mark.parametrize(
    "query",
    ["", "given=3&predicted=0", "given=x", "given=0&predicted=-1", "given=9999999999999999999999"],
)
def test_classes_that_are_none_get_a_sentence(
    answered: ModelVersion, curator_client: Client, query: str
) -> None:
    answer = curator_client.get(cell(answered, query))
    assert answer.status_code == 404
    assert "Expected two of this version" in answer.content.decode()


def test_many_pictures_come_page_by_page(
    make: MakeVersion, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [outcome(f"{place}.jpg", [place % 2], [0]) for place in range(300)]
    version = make(colours_report(), files={"outcomes.jsonl": as_lines(lines)})
    found: list[str] = []
    address = cell(version, "given=1&predicted=0")
    for _ in range(9):
        page = curator_client.get(address).content.decode()
        found += re.findall(r">(\d+)\.jpg<", page)
        more = re.search(r'href="(\?[^"]*after=\d+)"', page)
        if not more:
            break
        address = reverse("studio:confusion", args=[version.pk]) + more[1].replace("&amp;", "&")
    assert found == [str(place) for place in range(1, 300, 2)]
    # Where little may be read for a page, the next one goes on.
    monkeypatch.setattr(outcomes_module, "MAX_BYTES_A_PAGE", 5000)
    page = curator_client.get(cell(version, "given=2&predicted=0")).content.decode()
    assert "there are more pictures to look through" in page
    assert "Look further" in page


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"[]\n",
        b"\xff\xfe",
        b"{" * 200_000,
        b'{"class_names": ["others"]}\n',
        b'{"class_names": 7}\n{}',
    ],
)
def test_answers_of_something_else_get_a_sentence(
    make: MakeVersion, curator_client: Client, content: bytes
) -> None:
    version = make(colours_report(), files={"outcomes.jsonl": content})
    answer = curator_client.get(cell(version, "given=1&predicted=0"))
    assert answer.status_code == 200
    assert "outcomes.jsonl is damaged" in answer.content.decode()


def test_lines_that_are_none_are_passed_over(make: MakeVersion, curator_client: Client) -> None:
    odd: list[Any] = [
        7,
        {},
        outcome("far.jpg", [99], [0]),
        outcome("true.jpg", [True], [0]),
        {**outcome("x", [1], [0]), "path": 7},
        outcome("nul\0.jpg", [1], [0]),
        outcome("half\udc80.jpg", [1], [0]),
        outcome("kept.jpg", [1], [0], confidence="high"),
    ]
    lines = as_lines(odd) + b"no json\n" + b"x" * 200_000 + b"\n"
    version = make(colours_report(), files={"outcomes.jsonl": lines})
    page = curator_client.get(cell(version, "given=1&predicted=0")).content.decode()
    assert "kept.jpg" in page
    for name in ("far.jpg", "true.jpg"):
        assert name not in page


@pytest.mark.parametrize("after", ["1", "7", "999999999", "x", "-3"])
def test_whatever_place_a_page_begins_at_it_is_shown(
    answered: ModelVersion, curator_client: Client, after: str
) -> None:
    answer = curator_client.get(cell(answered, f"given=2&predicted=0&after={after}"))
    assert answer.status_code == 200


def test_an_older_version_says_why_its_numbers_cannot_be_opened(
    make: MakeVersion, curator_client: Client
) -> None:
    version = make(colours_report())
    page = report_page(curator_client, version)
    assert "?given=" not in page
    assert "did not keep how each picture was answered" in page
    opened = curator_client.get(cell(version, "given=1&predicted=0")).content.decode()
    assert "was not kept" in opened


# --- The worst mistakes


def test_a_mistake_shows_its_picture_and_where_the_model_looked(
    make: MakeVersion, curator_client: Client, tmp_path: Path
) -> None:
    report = colours_report()
    about = {"given": ["red"], "predicted": ["blue"], "about": "blue", "probability": 0.75}
    report["evaluation"]["mistakes"] = [
        {"row": 4, "path": PATHS[0], **about},
        {"row": 5, "path": "red/2.jpg", **about},  # as earlier releases named it
        {"row": 6, "path": "red/gone.jpg", **about},
    ]
    cells = b64encode(bytes(range(0, 252, 28))).decode()
    seen = {"picture_size": [640, 480], "num_columns": 3, "maps": {"blue": cells, "red": cells}}
    evidence = [{"row": 4, **seen}, {"row": 5, **seen, "num_columns": 0}]
    version = make(report, files={"mistakes.json": as_json(evidence)})
    learned_from(version, tmp_path, PATHS)
    page = report_page(curator_client, version)
    assert page.count("/thumbnail/") == 2
    assert page.count("The picture is gone") == 1
    assert "what spoke for the right class" in page
    address = reverse("studio:mistake_map", args=[version.pk])
    for of in ("said", "right"):
        drawn = curator_client.get(address, {"row": "4", "of": of})
        assert drawn["Content-Type"] == "image/png"
        assert Image.open(BytesIO(drawn.content)).size == (480, 360)
    for query in (
        {"row": "5", "of": "said"},
        {"row": "6", "of": "said"},
        {"row": "99", "of": "said"},
        {"of": "said"},
        {"row": "4", "of": "x"},
    ):
        assert curator_client.get(address, query).status_code == 404, query


def test_an_older_version_has_mistakes_without_maps(
    make: MakeVersion, curator_client: Client
) -> None:
    page = report_page(curator_client, make(colours_report()))
    assert "there are no heat maps" in page
    assert "/map/" not in page


# --- What can be taken away


def test_each_file_of_the_bundle_can_be_taken_away(
    make: MakeVersion, curator_client: Client
) -> None:
    version = make(colours_report())
    page = report_page(curator_client, version)
    address = reverse("studio:version_file", args=[version.pk])
    names = re.findall(rf'href="{address}\?name=([^"]+)"', page)
    assert {"model.h5", "serving.xml", "serving.bin", "report.json", "manifest.json"} <= set(names)
    for name in names:
        answer = curator_client.get(address, {"name": name})
        content = b"".join(answer)  # type: ignore[call-overload]
        assert content == (version.bundle_path / name).read_bytes()
        assert answer["Content-Disposition"].startswith("attachment")
        assert f"colours-1-{name}" in answer["Content-Disposition"]
        assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../colours-1/model.h5",
        "/etc/passwd",
        "..%2Fx",
        "other.txt",
        "model.h5\0",
        "a\\b",
        "\udc80",
    ],
)
def test_nothing_else_can_be_taken_away(
    make: MakeVersion, curator_client: Client, name: str
) -> None:
    version = make(colours_report())
    (version.bundle_path / "other.txt").write_text("not in the manifest")
    address = reverse("studio:version_file", args=[version.pk])
    query = f"?name={name.encode('utf-8', 'surrogateescape').decode('latin-1')}"
    assert curator_client.get(address + query).status_code == 404
    assert curator_client.get(address).status_code == 404


def test_a_manifest_that_names_a_path_gives_out_nothing_of_it(
    make: MakeVersion, curator_client: Client, tmp_path: Path
) -> None:
    version = make(colours_report(), files={"notes.txt": b"notes"})
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    (version.bundle_path / "notes.txt").unlink()
    (version.bundle_path / "notes.txt").symlink_to(secret)
    address = reverse("studio:version_file", args=[version.pk])
    assert curator_client.get(address, {"name": "notes.txt"}).status_code == 404


def test_the_card_says_what_a_stranger_must_know(
    make: MakeVersion, curator_client: Client, tmp_path: Path
) -> None:
    version = make(colours_report())
    learned_from(version, tmp_path, PATHS)
    answer = curator_client.get(reverse("studio:model_card", args=[version.pk]))
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert "colours-1-card.md" in answer["Content-Disposition"]
    card = answer.content.decode()
    for said in (
        "# Colours, version 1",
        "A classifier of pictures that knows 3 classes.",
        "## Classes",
        "blue, green, red",
        "| Class | training | validation | test | all |",
        "Between ",
        "## Limits and known mix-ups",
        "AUROC 0.987",
        "To be filled in: under which licence",
        "| model.h5 | `",
        "- backbone: resnet50",
        "cd" * 32,
    ):
        assert said in card, said


def test_a_card_without_a_report_is_still_one(new_version: Callable[..., ModelVersion]) -> None:
    card = model_card(told_of(new_version()))
    assert "## Licence" in card
    assert "## How good it is" not in card


# --- Who may, and what it costs


NAMES = ("report", "confusion", "mistake_map", "version_file", "model_card")


def test_visitors_see_none_of_it_and_who_may_see_the_version_does(
    make: MakeVersion, owner: User, owner_client: Client, client: Client
) -> None:
    version = make(colours_report())
    addresses = [reverse(f"studio:{name}", args=[version.pk]) for name in NAMES]
    for address in addresses:
        assert client.get(address).status_code == 302
        assert owner_client.get(address).status_code == 302
    owner.is_staff = True
    owner.save()
    owner.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    row = reverse("admin:recognizers_modelversion_change", args=[version.pk])
    assert owner_client.get(row).status_code == 200, "who may see the row sees it"


def test_who_may_train_sees_the_report_without_more_permissions(
    make: MakeVersion, owner: User, owner_client: Client
) -> None:
    version = make(colours_report())
    owner.is_staff = True
    owner.save()
    owner.user_permissions.add(Permission.objects.get(codename="train"))
    text = text_of(report_page(owner_client, version).encode())
    assert "What is taken for what" in text
    assert "Compare and promote" in text


def test_the_admins_page_of_a_version_leads_to_its_report(
    make: MakeVersion, curator_client: Client
) -> None:
    version = make(colours_report())
    row = reverse("admin:recognizers_modelversion_change", args=[version.pk])
    answer = curator_client.get(row)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("studio:report", args=[version.pk])
    listed = curator_client.get(reverse("admin:recognizers_modelversion_changelist"), {"q": "colo"})
    assert str(version) in listed.content.decode()
    assert curator_client.get(reverse("studio:report", args=[999])).status_code == 404


@pytest.mark.parametrize("num", [2, 20])
def test_a_page_asks_the_database_as_often_whatever_is_on_it(
    make: MakeVersion,
    curator_client: Client,
    tmp_path: Path,
    num: int,
    django_assert_num_queries: Any,
) -> None:
    paths = [f"datasets/colours/red/{place}.jpg" for place in range(num)]
    report = colours_report()
    about = {"given": ["red"], "predicted": ["blue"], "about": "blue", "probability": 0.75}
    mistakes = [{"row": place, "path": path, **about} for place, path in enumerate(paths)]
    report["evaluation"]["mistakes"] = mistakes
    lines = [outcome(path, [2], [0]) for path in paths]
    version = make(report, files={"outcomes.jsonl": as_lines(lines)})
    learned_from(version, tmp_path, paths)
    with django_assert_num_queries(4):  # session, person, version, pictures
        report_page(curator_client, version)
    with django_assert_num_queries(4):
        curator_client.get(cell(version, "given=2&predicted=0"))


def test_in_chinese_numbers_and_sentences_are_chinese(
    make: MakeVersion, curator_client: Client
) -> None:
    version = make(colours_report())
    curator_client.cookies["language"] = "zh-hans"
    page = report_page(curator_client, version)
    assert 'lang="zh-hans"' in page
    text = text_of(page.encode())
    assert "37.5% 的正确率，在未用于学习的 40 张测试图片上测得。" in text
    with translation.override("zh-hans"):
        assert "图片分类模型，可识别 3 个类别。" in model_card(told_of(version))


def test_the_reports_bring_no_engine_into_the_web_process() -> None:
    code = "import django; django.setup(); import webapp.studio.reports.views;"
    assert imported_after(code, "tensorflow", "keras", "sklearn", "scipy", "openvino") == []


def test_no_module_of_the_reports_computes_with_numpy() -> None:
    folder = Path(outcomes_module.__file__).parent
    for module in folder.glob("*.py"):
        assert "numpy" not in module.read_text(), module.name
