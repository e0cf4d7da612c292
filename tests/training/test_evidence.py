"""training.pages.evidence: where the model looked on the worst mistakes, kept for a page to show."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bundles import COLOURS, KERNEL, colour_graph
from training.backbones.network import Network
from training.bundle_files import DRAFTED, EVIDENCE
from training.dataset.pictures import Pictures
from training.pages.evidence import write_evidence
from training.sources.reading import read_index

IMAGE_SIZE = 32


def evidence(folder: Path, *mistakes: dict[str, Any]) -> list[dict[str, Any]]:
    """Of pictures that are red at the left and blue at the right."""
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[:, :24, 0] = pixels[:, 24:, 2] = 250
    for name in ("blue", "red"):
        (folder / name).mkdir(parents=True)
        Image.fromarray(pixels).save(folder / name / "1.png")
        pixels[0, 0, 1] += 1
    pictures = Pictures(read_index(folder, into=folder / "unneeded"), IMAGE_SIZE)
    (folder / "red" / "1.png").write_bytes(b"no picture any more")
    write_evidence(
        folder,
        mistakes,
        class_names=COLOURS,
        network=Network(colour_graph(IMAGE_SIZE), "k", lambda: None),
        precision="fp32",
        kernel=KERNEL,
        pictures=pictures,
    )
    assert EVIDENCE in DRAFTED
    written: list[dict[str, Any]] = json.loads((folder / EVIDENCE).read_text())
    return written


def mistake(row: int, given: list[str], about: str) -> dict[str, Any]:
    return {"row": row, "given": given, "predicted": [about], "about": about, "probability": 0.9}


def test_a_map_shows_what_spoke_for_the_answer_and_one_what_for_the_right_class(
    tmp_path: Path,
) -> None:
    [one] = evidence(tmp_path / "half", mistake(0, ["blue"], "red"))
    assert (one["row"], one["picture_size"], one["num_columns"]) == (0, [48, 48], 2)
    red, blue = (list(b64decode(one["maps"][name])) for name in ("red", "blue"))
    assert min(red[0], red[2]) > 250
    assert max(red[1], red[3]) < 5  # the middle is where one goes over into the other
    assert min(blue[1], blue[3]) > 250


def test_with_several_labels_only_the_class_that_the_mistake_is_about_has_a_map(
    tmp_path: Path,
) -> None:
    [one] = evidence(tmp_path / "half", mistake(0, ["blue", "green"], "red"))
    assert set(one["maps"]) == {"red"}


def test_a_picture_that_went_costs_no_training(tmp_path: Path) -> None:
    assert evidence(tmp_path / "half", mistake(1, ["red"], "blue")) == []
