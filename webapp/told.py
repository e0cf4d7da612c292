"""Sentences as people are told them: in their language, and without where things lie on the server."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext


def filled(sentence: str, params: Mapping[str, object]) -> str:
    """A sentence of the catalogues in the reader's language, filled."""
    return gettext(sentence) % {name: without_places(value) for name, value in params.items()}


def without_places(value: object) -> Any:
    """Paths, also those in a text, as they are below the data folder, and those of datasets below
    the datasets' folder. Numbers stay numbers, all else is a text."""
    if isinstance(value, int | float):
        return value
    text = str(value)
    for folder in (settings.DATASETS_DIR, settings.DATA_DIR):
        text = re.sub(rf"(?<!\w){re.escape(str(folder))}/", "", text)
    return text
