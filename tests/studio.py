"""What a curator does in the studio, on drawn pictures and without the network."""

import httpx

from tests.stack import Stack, Visitor
from training.drawings.sample import draw_folder


def draw_bugs(stack: Stack, *, num_train: int = 8, num_val: int = 2) -> None:
    """A folder to train on, with so many pictures of each kind of bug."""
    draw_folder(
        stack.data_dir / "datasets" / "bugs",
        num_train_per_kind=num_train,
        num_val_per_kind=num_val,
        size=64,
    )


def retrain(curator: Visitor, *, epochs: int = 1) -> httpx.Response:
    """Ask for a training on the drawn bugs; the page of its run."""
    return curator.post(
        "/admin/studio/trainingrun/add/",
        {
            "new_name": "Drawn bugs",
            "folder_name": "bugs",
            "backbone": "mobilenet_v2",
            "weights": "none",
            "image_size": "32",
            "epochs": str(epochs),
            "seed": "0",
        },
    )
