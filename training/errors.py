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
        "unreadable": gettext_noop(
            "Expected a labelled folder that can be read, but reading %(path)s failed: %(problem)s. "
            "Check the disk and the names of the folders."
        ),
        "odd_name": gettext_noop(
            "Expected class folders with names in UTF-8, found %(name)s. Rename the folder."
        ),
        "case": gettext_noop(
            "Expected class names that differ in more than case, found %(other)s and %(name)s. "
            "Put the pictures into one class or rename one of the two."
        ),
        "no_source": gettext_noop(
            "Expected a labelled folder, a ZIP of one (.zip) or a CSV manifest (.csv) at %(path)s, "
            "found nothing of the kind. Check the path."
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
        "changed": gettext_noop(
            "Expected the picture %(path)s to stay as it was while the training runs, but: "
            "%(problem)s Train again when the folder is at rest."
        ),
        "several_labels": gettext_noop(
            "Expected one label for each picture with a softmax head, received pictures with "
            "several labels or none. Choose the sigmoid head, or correct the labels."
        ),
        "no_outliers": gettext_noop(
            "Expected a folder with pictures of other things at %(path)s, found none that can be "
            "read. Give another folder or leave the outliers out."
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
        "one_fold": gettext_noop("Expected no folds (0) or from 2 to 20, received 1."),
        "folds_from_scratch": gettext_noop(
            "Expected a backbone that was not taught by these pictures to measure over folds, but "
            "training from scratch teaches it all of them. Leave the folds out."
        ),
        "set_aside": gettext_noop(
            "Expected val_fraction and test_fraction to leave pictures to learn from (%(highest)s "
            "together at most), received %(val)s and %(test)s."
        ),
        "running": gettext_noop(
            "Expected %(path)s to itself, but another training to the same bundle is using it. "
            "Wait for it, or choose another place for the bundle."
        ),
        "cache": gettext_noop(
            "Expected a folder for the cache at %(path)s, but: %(problem)s. "
            "Give another folder, or none."
        ),
        "scratch": gettext_noop(
            "Expected random weights for training from scratch, received %(weights)s. "
            "Leave the weights out (none), or choose the mode fine-tune."
        ),
        "fine_tune": gettext_noop(
            "Expected pretrained weights to fine-tune, received none. "
            "Give weights, or choose the mode scratch."
        ),
    }


class WeightsUnavailable(TrainingError):
    """Pretrained weights that cannot be had here."""

    sentences = {
        "download": gettext_noop(
            "Expected ImageNet weights of %(backbone)s, but the file %(file)s is not in %(folder)s, "
            "where Keras looks for it, and downloading it failed (%(problem)s). Put the file there "
            "(KERAS_HOME moves the place), give a weights file, or train all layers from scratch, "
            "without weights."
        ),
        "no_file": gettext_noop(
            "Expected a weights file at %(path)s, found none. Give the path of a Keras weights file "
            "without top, take those of ImageNet, or train all layers from scratch, without weights."
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
            "The training was stopped; try a lower learning rate, other pictures, a larger "
            "image size or pretrained weights."
        ),
    }


class OutOfMemory(TrainingError):
    """A training that needs more memory than there is."""

    sentences = {
        "batch": gettext_noop(
            "Expected a step to fit into memory, but it ran out with batches of %(batch_size)s "
            "pictures of %(image_size)s pixels. Lower the batch size (now %(batch_size)s) first, "
            "then the image size (now %(image_size)s)."
        ),
        "picture": gettext_noop(
            "Expected a step to fit into memory, but it ran out with a single picture of "
            "%(image_size)s pixels. Lower the image size (now %(image_size)s)."
        ),
    }


class ExportRefused(TrainingError):
    """An export that does not answer as the Keras model does, or that could not be made."""

    sentences = {
        "disagrees": gettext_noop(
            "Expected the export %(format)s to answer as the Keras model does on at least 99.5 %% of "
            "%(num_pictures)s validation pictures, received the same answer on %(percent)s %% "
            "(probabilities differ by up to %(difference)s). No bundle was written; leave out this "
            "format if you can, and please report this."
        ),
        "differs": gettext_noop(
            "Expected the export %(format)s to answer as the Keras model does, received "
            "probabilities that differ by up to %(difference)s. No bundle was written; leave out "
            "this format if you can, and please report this."
        ),
        "not_finite": gettext_noop(
            "Expected finite probabilities from the export %(format)s, received others. "
            "No bundle was written; try other weights or a lower learning rate."
        ),
        "failed": gettext_noop(
            "Expected to write the export %(format)s and to load it again, received: %(problem)s. "
            "No bundle was written; leave out this format if you can, and please report this."
        ),
        "no_pictures": gettext_noop(
            "Expected validation pictures to prove the exports on, received none. "
            "Add pictures for validation."
        ),
    }


class TrainingCancelled(TrainingError):
    """Raised by an `on_event` callback to stop a run at its next event."""

    sentences = {"cancelled": gettext_noop("The training was cancelled.")}
