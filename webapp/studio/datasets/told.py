"""A refusal as a curator understands it: with the names that the studio's pages show, and not with places
on the server; and of the dataset, where what was read is a list that only we have seen."""

import logging

from django.conf import settings

from classifier.errors import ClassifierError, InvalidImage
from classifier.images import FORMAT_NAMES
from training.errors import DatasetRefused
from training.sources.errors import ListRefused
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.models import Dataset
from webapp.told import without_places

logger = logging.getLogger(__name__)
# Whose path is that of all that was read.
_OF_ALL = ("no_folder", "no_source", "no_pictures", "one_class", "no_validation")


def for_curator(
    error: ClassifierError, dataset: Dataset, *, num_listed: int | None = None
) -> ClassifierError:
    """The error to tell a curator of instead.

    `num_listed`: how many pictures the list has, where what was read is one that we made of the dataset;
    None where it is what lies in the dataset's folder, whose lists the curator knows.
    """
    if num_listed is not None and isinstance(error, ListRefused):
        told = _of_the_dataset(error, dataset, num_listed)
    else:
        params = {name: without_places(value) for name, value in error.params.items()}
        if num_listed is not None and isinstance(error, DatasetRefused) and error.code in _OF_ALL:
            params["path"] = dataset.name
        told = type(error)(error.code, **params)
    if str(told) != str(error):
        logger.info("Of %s a curator is told in other words: %s", dataset, error)
    return told


def _of_the_dataset(error: ListRefused, dataset: Dataset, num_listed: int) -> ClassifierError:
    received = error.params.get("received", "")
    match error.code:
        case "case":
            return DatasetRefused("case", name=received, other=error.params["other"])
        case "no_labels" if num_listed:
            return DatasetRefused("one_class", path=dataset.name, name="-")
        case "no_labels":
            return DatasetRefused("no_pictures", path=dataset.name, formats=FORMAT_NAMES)
        case "missing":  # it was there a moment ago
            path = without_places(f"{settings.DATA_DIR}/{received}")
            return DatasetRefused("changed", path=path, problem=InvalidImage("missing", path=path))
        case "outside":
            name = without_places(f"{settings.DATA_DIR}/{received}")
            return FolderRefused("link_leads_out", folder=dataset.folder_name, name=name)
    problem = error.params.get("problem", received)
    return DatasetRefused("unreadable", path=dataset.name, problem=problem)
