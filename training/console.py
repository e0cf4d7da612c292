"""A progress bar for the commands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tqdm import tqdm

from training.events import Event, OnEvent


@contextmanager
def progress_bar() -> Iterator[OnEvent]:
    """What to hand to a run as `on_event`; it draws on stderr."""
    with tqdm(
        total=1.0, bar_format="{desc:<10} {percentage:3.0f}% |{bar}| {elapsed} {postfix}"
    ) as bar:

        def show(event: Event) -> None:
            bar.set_description_str(event.step, refresh=False)
            bar.set_postfix_str(" ".join(_words(event.figures)), refresh=False)
            bar.n = event.fraction
            bar.refresh()

        yield show


def _words(figures: Mapping[str, float]) -> Iterator[str]:
    """What a training of layers tells of its epoch; other steps tell figures for pages alone."""
    if "num_epochs" not in figures:
        return
    yield f"epoch {figures['epoch']:.0f}/{figures['num_epochs']:.0f}"
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        if name in figures:
            yield f"{name.replace('_', ' ')} {figures[name]:.3f}"
    yield f"{figures['pictures_per_second']:.0f} pictures/s"
