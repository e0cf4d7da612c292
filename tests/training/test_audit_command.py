"""python -m training audit: what it prints, writes and returns."""

import json
from pathlib import Path

import pytest

import training.__main__
from tests.training.folders import write_classes


def audit(*arguments: str) -> int:
    return training.__main__.main(["audit", *arguments, "--image-size", "32", "--no-cache"])


def test_what_blocks_is_said_with_the_way_out_and_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_classes(tmp_path / "folder", {"ant": 5, "bee": 1})
    assert audit(str(folder), "--out", str(tmp_path / "audit")) == 1
    printed = capsys.readouterr().out
    assert "blocks  Expected at least 2 pictures in each class, found 1 in bee. Add" in printed
    assert "Something blocks a training." in printed
    content = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert content["blocks"]
    assert "1 finding blocks the training" in (tmp_path / "audit" / "audit.html").read_text()


def test_without_weights_the_files_are_audited_and_it_says_that_the_labels_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_classes(tmp_path / "folder", {"ant": 12, "bee": 12})
    (folder / "ant" / "half.jpg").write_bytes(b"\xff\xd8\xff")
    missing = str(tmp_path / "missing.h5")
    assert audit(str(folder), "--weights", missing, "--json") == 0
    content = json.loads(capsys.readouterr().out.splitlines()[-1])
    findings = {finding["code"]: finding for finding in content["findings"]}
    assert findings["unreadable"]["items"][0]["paths"] == ["ant/half.jpg"]
    assert "missing.h5" in findings["unchecked"]["sentence"]
    assert not content["blocks"]


def test_no_such_source_is_a_sentence_and_exit_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(str(tmp_path / "missing")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no such folder" in captured.err
