"""A progress bar for the commands."""

from collections.abc import Iterator
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
            figures = event.figures
            if not figures:
                bar.set_postfix_str("", refresh=False)
            else:
                words = [f"epoch {figures['epoch']:.0f}/{figures['num_epochs']:.0f}"]
                for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
                    if name in figures:
                        words.append(f"{name.replace('_', ' ')} {figures[name]:.3f}")
                words.append(f"{figures['pictures_per_second']:.0f} pictures/s")
                bar.set_postfix_str(" ".join(words), refresh=False)
            bar.n = event.fraction
            bar.refresh()

        yield show
