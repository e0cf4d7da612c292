"""python -m classifier: the answers of a bundle on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from classifier.__main__ import main
from classifier.bundle import KERAS_MODEL, Bundle
from classifier.engines import base
from classifier.engines import openvino as engine_module
from tests.bundles import COLOURS, colour_bundle
from tests.pictures import RGB, picture_bytes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return colour_bundle(tmp_path_factory.mktemp("command") / "bundle")


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, str]:
    paths = {}
    for name in COLOURS:
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(picture_bytes(name))
        paths[name] = str(path)
    return paths


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_as_json_it_prints_one_object_a_line(
    bundle: Bundle, pictures: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([str(bundle.path), pictures["red"], pictures["blue"], "--json"])
    assert status == 0
    red, blue = lines(capsys.readouterr().out)
    assert list(red) == [
        "picture",
        "status",
        "label",
        "confidence",
        "none_of_these",
        "top",
        "error",
    ]
    assert red["picture"] == pictures["red"]
    assert red["status"] == "done"
    assert red["label"] == "red"
    assert 0.99 < red["confidence"] <= 1
    assert red["none_of_these"] is False
    assert red["error"] is None
    assert [set(entry) for entry in red["top"]] == [{"label", "probability"}] * 3
    assert red["top"][0] == {"label": "red", "probability": red["confidence"]}
    assert sum(entry["probability"] for entry in red["top"]) == pytest.approx(1)
    assert blue["label"] == "blue"


def test_asked_why_it_also_prints_the_nearest_pictures_and_where_each_class_was_seen(
    pictures: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows = colour_bundle(tmp_path / "bundle", knows_pictures=True)
    (tmp_path / "text.jpg").write_text("hello")
    status = main([str(knows.path), pictures["red"], str(tmp_path / "text.jpg"), "--why"])
    assert status == 1
    red, failed = lines(capsys.readouterr().out)
    assert list(red)[-2:] == ["nearest", "maps"]
    assert [near["labels"] for near in red["nearest"][:4]] == [["red"]] * 4
    assert 0 <= red["nearest"][0]["distance"] < 0.01
    assert [each["label"] for each in red["maps"]] == [entry["label"] for entry in red["top"]]
    assert red["maps"][0]["cells"] == [[pytest.approx(20 * RGB["red"][0] / 255, abs=0.3)] * 2] * 2
    assert (failed["nearest"], failed["maps"]) == ([], [])
    assert failed["none_of_these"] is None


def test_what_is_unlike_anything_learned_is_none_of_these(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knows = colour_bundle(tmp_path / "bundle", knows_pictures=True)
    path = tmp_path / "grey.png"
    path.write_bytes(picture_bytes("grey", format_name="PNG"))
    assert main([str(knows.path), str(path)]) == 0
    assert main([str(knows.path), str(path), "--json"]) == 0
    text, content = capsys.readouterr().out.splitlines()
    assert text.startswith(f"{path}: none of these; closest: ")
    assert json.loads(content)["none_of_these"] is True


def test_for_people_it_prints_a_line_with_percents(
    bundle: Bundle, pictures: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle.path), pictures["green"]]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{pictures['green']}: green 100.0%, ")


def test_a_picture_that_fails_does_not_stop_the_others(
    bundle: Bundle, pictures: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").touch()
    others = [str(tmp_path / "text.jpg"), str(tmp_path), str(tmp_path / "nothing.jpg")]
    given = [pictures["red"], *others, str(tmp_path / "empty.png"), pictures["blue"]]
    assert main([str(bundle.path), *given, "--json"]) == 1
    answers = lines(capsys.readouterr().out)
    assert [answer["picture"] for answer in answers] == given
    assert [answer["label"] for answer in answers] == ["red", None, None, None, None, "blue"]
    failed = answers[1:5]
    assert {answer["status"] for answer in failed} == {"failed"}
    for answer, words in zip(
        failed, ("another kind", "no readable file", "no readable file", "empty file"), strict=True
    ):
        assert answer["confidence"] is None
        assert answer["top"] == []
        assert words in answer["error"]


def test_when_all_pictures_fail_each_one_says_why(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "nothing.jpg")
    assert main([str(bundle.path), missing]) == 1
    assert capsys.readouterr().out.startswith(f"{missing}: failed: Expected a picture at ")


def test_more_pictures_than_a_batch_keep_their_order(
    bundle: Bundle, pictures: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["red", "green", "blue", "blue", "red"] * 8
    assert main([str(bundle.path), *(pictures[name] for name in names), "--json"]) == 0
    assert [answer["label"] for answer in lines(capsys.readouterr().out)] == names


@pytest.mark.parametrize(("top", "num_listed"), [("1", 1), ("2", 2), ("50", 3)])
def test_as_many_classes_are_listed_as_asked_for(
    bundle: Bundle,
    pictures: dict[str, str],
    top: str,
    num_listed: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    main([str(bundle.path), pictures["red"], "--json", "--top", top])
    assert len(lines(capsys.readouterr().out)[0]["top"]) == num_listed


@pytest.mark.parametrize("top", ["0", "-3", "many"])
def test_a_senseless_number_of_classes_is_refused(
    bundle: Bundle, pictures: dict[str, str], top: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(bundle.path), pictures["red"], "--top", top])
    assert caught.value.code == 2
    assert top in capsys.readouterr().err


def test_a_missing_bundle_is_exit_status_2_and_nothing_on_stdout(
    pictures: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nothing"), pictures["red"], "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no such folder" in captured.err
    assert "Traceback" not in captured.err


def test_a_changed_bundle_is_exit_status_2(
    pictures: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = colour_bundle(tmp_path / "changed")
    (changed.path / KERAS_MODEL).write_bytes(b"changed")
    assert main([str(changed.path), pictures["red"]]) == 2
    assert "SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_can_be_chosen(
    bundle: Bundle,
    pictures: dict[str, str],
    precision: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled_in = []
    compile_graph = engine_module.compile_graph
    monkeypatch.setattr(engine_module, "has_bf16", lambda: True)
    monkeypatch.setattr(
        engine_module,
        "compile_graph",
        lambda graph, wanted: compiled_in.append(wanted) or compile_graph(graph, "fp32"),
    )
    assert main([str(bundle.path), pictures["red"], "--precision", precision]) == 0
    assert compiled_in == [precision]


def test_a_precision_that_is_not_to_be_had_is_told(
    bundle: Bundle, pictures: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(bundle.path), pictures["red"], "--precision", "int8"]) == 0
    assert "int8 is not to be had here; in fp32" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_exit_status_2(
    bundle: Bundle,
    pictures: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(base, "has_nvidia", lambda: False)
    assert main([str(bundle.path), pictures["red"], "--device", "gpu"]) == 2
    assert "Expected an NVIDIA GPU" in capsys.readouterr().err


def test_a_cache_folder_is_filled_where_one_is_given(
    bundle: Bundle, pictures: dict[str, str], tmp_path: Path
) -> None:
    assert main([str(bundle.path), pictures["red"], "--cache", str(tmp_path / "cache")]) == 0
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_name_that_is_no_text_is_printed_escaped(
    bundle: Bundle, pictures: dict[str, str], tmp_path: Path
) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    try:
        Path(os.fsdecode(path)).write_bytes(Path(pictures["red"]).read_bytes())
    except OSError:
        pytest.skip("this file system takes no such names")
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(
        [sys.executable, "-m", "classifier", bundle.path, path, pictures["blue"], "--json"],
        capture_output=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    red, blue = lines(done.stdout.decode())
    assert os.fsencode(red["picture"]) == path
    assert (red["label"], blue["label"]) == ("red", "blue")


def test_answering_imports_no_tensorflow_no_django_and_reports_to_nobody(
    bundle: Bundle, pictures: dict[str, str]
) -> None:
    program = (
        "import sys, json; from classifier.__main__ import main; status = main(sys.argv[1:]);"
        "print(json.dumps(sorted(k for k, v in sys.modules.items() if v))); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, bundle.path, *pictures.values(), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *answers, modules_line = done.stdout.splitlines()
    assert [json.loads(answer)["label"] for answer in answers] == ["blue", "green", "red"]
    imported = {name.partition(".")[0] for name in json.loads(modules_line)}
    assert "openvino" in imported
    heavy = {"tensorflow", "keras", "torch", "jax", "sklearn", "django", "celery"}
    assert not imported & (heavy | {"training", "webapp", "openvino_telemetry"})
