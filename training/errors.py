"""What training refuses or gives up on, each with a sentence that a curator can act on."""

from classifier.errors import ClassifierError, gettext_noop


class TrainingError(ClassifierError):
    """Base of everything training raises on purpose."""


class DatasetRefused(TrainingError):
    """A labelled folder that nothing can be learned from."""

    sentences = {
        "no_folder": gettext_noop("Expected a labelled folder at %(path)s, found no such folder."),
        "no_access": gettext_noop(
            "Expected a labelled folder that may be read, but %(path)s may not. Change its permissions."
        ),
        "no_classes": gettext_noop(
            "Expected one subfolder for each class in %(path)s (or train/ and val/ with the classes "
            "below), found none. Sort the pictures into subfolders named as their classes."
        ),
        "odd_name": gettext_noop(
            "Expected class folders with names in UTF-8, found %(name)s. Rename the folder."
        ),
        "one_class": gettext_noop(
            "Expected at least two classes with pictures in %(path)s, found only %(name)s. "
            "Add a folder with pictures of something else."
        ),
        "no_pictures": gettext_noop(
            "Expected pictures in the class folders of %(path)s, found none that can be read. "
            "These formats are read: %(formats)s."
        ),
        "too_few": gettext_noop(
            "Expected at least 2 pictures in each class, found %(num_pictures)s in %(name)s. "
            "Add pictures or remove the folder."
        ),
        "only_in_val": gettext_noop(
            "Expected training pictures for the class %(name)s, found it only in the folders for "
            "validation or test. Add pictures under train/ or remove the class."
        ),
        "no_validation": gettext_noop(
            "Expected validation pictures in %(path)s, found none that can be read. "
            "Add pictures or remove the empty folder val/."
        ),
    }


class ConfigRefused(TrainingError):
    """A setting out of its bounds."""

    sentences = {
        "choice": gettext_noop(
            "Expected %(name)s to be one of %(choices)s, received %(received)s."
        ),
        "bounds": gettext_noop(
            "Expected %(name)s from %(lowest)s to %(highest)s, received %(received)s."
        ),
    }


class WeightsUnavailable(TrainingError):
    """Pretrained weights that cannot be had here."""

    sentences = {
        "download": gettext_noop(
            "Expected ImageNet weights of %(backbone)s, but the file %(file)s is not in %(folder)s, "
            "where Keras looks for it, and downloading it failed (%(problem)s). Put the file there "
            "(KERAS_HOME moves the place), give a weights file with --weights FILE, or train all "
            "layers from scratch with --weights none."
        ),
        "no_file": gettext_noop(
            "Expected a weights file at %(path)s, found none. Give the path of a Keras weights file "
            "without top, or use --weights imagenet or --weights none."
        ),
        "misfit": gettext_noop(
            "Expected weights of %(backbone)s without top in %(path)s, received a file that does "
            "not fit: %(problem)s. Give a file of this architecture or choose another backbone."
        ),
    }


class LossNotFinite(TrainingError):
    """A training that has diverged; its bundle is never written."""

    sentences = {
        "diverged": gettext_noop(
            "Expected a finite loss, received %(loss)s in epoch %(epoch)s at step %(step)s. "
            "The training was stopped; try other pictures, a larger image size or pretrained weights."
        ),
    }


class ExportRefused(TrainingError):
    """A serving graph that does not answer as the Keras model does."""

    sentences = {
        "differs": gettext_noop(
            "Expected the serving graph to answer as the Keras model does, received logits that "
            "differ by up to %(difference)s. Nothing was written; please report this."
        ),
    }


class TrainingCancelled(TrainingError):
    """Raised by an `on_event` callback to stop a run at its next event."""

    sentences = {"cancelled": gettext_noop("The training was cancelled.")}
