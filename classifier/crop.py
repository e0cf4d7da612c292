"""The square in a picture's middle that the model looks at. Without numpy: pages draw it, too.

Short side to `image_size / 0.875`, then the centre crop of `image_size`: the usual evaluation crop
(He et al. 2015, arXiv:1512.03385, section 3.4: 256 and 224), kept in proportion for other sizes.
"""

CROP_FRACTION = 0.875


def crop_box(width: float, height: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the square, in pixels of a picture of that size."""
    side = min(width, height) * CROP_FRACTION
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side
