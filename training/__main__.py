"""python -m training FOLDER --out BUNDLE: train without the web application."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from classifier.errors import BundleExists
from training.config import BACKBONE_NAMES, DEFAULT_EPOCHS, TrainingConfig
from training.errors import TrainingError
from training.events import Event, OnEvent
from training.run import TrainingResult, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 with a bundle written, 2 when the input is refused, 130 when interrupted."""
    options = vars(_parser().parse_args(arguments))
    as_json = options.pop("json")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own chatter is not the user's
    logging.basicConfig(level=logging.WARNING)
    try:
        with _progress_bar() as on_event:
            result = train(TrainingConfig(**options), on_event)
    except (TrainingError, BundleExists) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"Expected to write {options['out']}, but: {error}. Nothing was kept.", file=sys.stderr
        )
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    for warning in result.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    print(_as_json(result) if as_json else _as_text(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a recognizer on a folder with one subfolder of pictures for each class.",
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="class folders, or train/ val/ [test/]"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--backbone", choices=BACKBONE_NAMES, default="resnet50")
    parser.add_argument(
        "--weights",
        default="imagenet",
        metavar="imagenet|none|FILE",
        help="none trains all layers from scratch (imagenet)",
    )
    parser.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    parser.add_argument(
        "--epochs",
        type=int,
        default=DEFAULT_EPOCHS,
        help="when all layers are trained (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="the result as a last line on stdout")
    return parser


@contextmanager
def _progress_bar() -> Iterator[OnEvent]:
    with tqdm(
        total=1.0, bar_format="{desc:<10} {percentage:3.0f}% |{bar}| {elapsed} {postfix}"
    ) as bar:

        def show(event: Event) -> None:
            bar.set_description_str(event.step, refresh=False)
            figures = event.figures
            if figures:
                bar.set_postfix_str(
                    f"epoch {figures['epoch']:.0f}/{figures['num_epochs']:.0f} "
                    f"loss {figures['loss']:.3f} accuracy {figures['accuracy']:.3f} "
                    f"{figures['pictures_per_second']:.0f} pictures/s",
                    refresh=False,
                )
            bar.n = event.fraction
            bar.refresh()

        yield show


def _as_json(result: TrainingResult) -> str:
    return json.dumps(
        {
            "bundle": str(result.bundle.path),
            "classes": list(result.bundle.manifest.class_names),
            "num_train": result.num_train,
            "num_val": result.num_val,
            "val_top1": result.metrics["val_top1"],
            "val_top5": result.metrics["val_top5"],
            "seconds": result.seconds,
        },
        ensure_ascii=False,
    )


def _as_text(result: TrainingResult) -> str:
    return (
        f"{result.bundle.path}: {len(result.bundle.manifest.class_names)} classes, "
        f"{result.num_train} pictures to learn from, {result.num_val} to check: "
        f"top-1 {result.metrics['val_top1']:.1%}, top-5 {result.metrics['val_top5']:.1%}, "
        f"{result.seconds['total']:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
