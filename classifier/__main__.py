"""python -m classifier BUNDLE PICTURE...: the answers of a bundle, without the web application."""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from classifier.answering import Outcome, answer_pictures, open_answerer
from classifier.bundle import Bundle, Precision
from classifier.engines.base import Device
from classifier.errors import ClassifierError, InvalidImage
from classifier.preprocess import read_input


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when every picture was answered, 1 when one failed, 2 for bundle or device."""
    options = _parser().parse_args(arguments)
    try:
        answerer = open_answerer(
            Bundle.load(options.bundle),
            precision=options.precision,
            device=options.device,
            cache_dir=options.cache,
        )
    except ClassifierError as error:
        print(error, file=sys.stderr)
        return 2
    if (precision := answerer.engine.precision) != (options.precision or precision):
        print(f"{options.precision} is not to be had here; in {precision}.", file=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may be any bytes; what is no text is printed escaped, in JSON too.
        sys.stdout.reconfigure(errors="backslashreplace")
    manifest = answerer.bundle.manifest
    image_size = manifest.image_size
    num_failed = 0
    for picture, outcome in answer_pictures(
        answerer, options.pictures, lambda path: read_input(path, image_size), top_k=options.top
    ):
        num_failed += isinstance(outcome, InvalidImage)
        if options.json or options.why:
            content = _as_content(picture, outcome)
            if options.why:
                content |= _reasons(outcome, manifest.class_names)
            print(json.dumps(content, ensure_ascii=False), flush=True)
        else:
            print(_as_text(picture, outcome), flush=True)
    return 1 if num_failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m classifier", description="Say what is on pictures, with a trained bundle."
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that training wrote")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--top", type=_positive, default=5, help="how many classes to list (5)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--why",
        action="store_true",
        help="as --json does, with the nearest training pictures and where each class was seen",
    )
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        help="instead of the one that the bundle records; fp32 where it is not to be had",
    )
    parser.add_argument(
        "--device",
        choices=get_args(Device),
        default="auto",
        help="auto: the GPU when TensorFlow sees one",
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="keep there what makes the next start quick"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, received {text}")
    return number


def _as_content(picture: Path, outcome: Outcome) -> dict[str, Any]:
    answer = None if isinstance(outcome, InvalidImage) else outcome
    return {
        "picture": str(picture),
        "status": "done" if answer else "failed",
        "label": answer and answer.label,
        "confidence": answer and answer.confidence,
        "none_of_these": answer and answer.is_outlier,
        "top": [{"label": r.label, "probability": r.probability} for r in answer.top]
        if answer
        else [],
        "error": None if answer else str(outcome),
    }


def _reasons(outcome: Outcome, class_names: Sequence[str]) -> dict[str, Any]:
    """`nearest`: training pictures with their cosine distances. `maps`: what each cell of the picture's
    middle square adds to a class's logit, row by row; what speaks against it is 0."""
    why = None if isinstance(outcome, InvalidImage) else outcome.why
    if why is None:
        return {"nearest": [], "maps": []}
    rows = range(0, why.height * why.width, why.width)
    return {
        "nearest": [
            {
                "labels": [class_names[i] for i in near.class_indexes],
                "distance": round(near.distance, 4),
            }
            for near in why.near
        ],
        "maps": [
            {
                "label": class_names[each.class_index],
                "cells": [
                    [round(level * why.step, 3) for level in each.levels[row : row + why.width]]
                    for row in rows
                ],
            }
            for each in why.maps
        ],
    }


def _as_text(picture: Path, outcome: Outcome) -> str:
    if isinstance(outcome, InvalidImage):
        return f"{picture}: failed: {outcome}"
    ranked = ", ".join(f"{r.label} {r.probability:.1%}" for r in outcome.top)
    return f"{picture}: {'none of these; closest: ' if outcome.is_outlier else ''}{ranked}"


if __name__ == "__main__":
    sys.exit(main())
