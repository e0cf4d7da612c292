"""What an index holds, as a test writes it down."""

from training.sources.index import OPEN_SPLIT, SPLITS, Index


def found(index: Index) -> list[tuple[str, tuple[str, ...], str | None]]:
    """Each example's path, class names and split, in order."""
    return [
        (
            path,
            tuple(index.class_names[place] for place in index.label_sets[labels]),
            None if split == OPEN_SPLIT else SPLITS[split],
        )
        for path, labels, split in zip(
            index.paths, index.labels.tolist(), index.splits.tolist(), strict=True
        )
    ]
