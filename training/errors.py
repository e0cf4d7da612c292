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


class ListRefused(DatasetRefused):
    """A CSV manifest, or a list as published with a dataset, with a line that cannot be used."""

    sentences = {
        "unreadable": gettext_noop(
            "Expected a list that can be read, but reading %(file)s failed: %(problem)s. "
            "Check the file and its permissions."
        ),
        "no_csv": gettext_noop(
            "Expected comma-separated values in %(file)s, line %(line)s, received what is none: "
            "%(problem)s. Check the quotation marks around the line."
        ),
        "long_line": gettext_noop(
            "Expected lines of less than %(limit)s characters in %(file)s, received a longer one "
            "as line %(line)s. Check that the file is a list."
        ),
        "text": gettext_noop(
            "Expected text in UTF-8 in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s. Save the file as UTF-8."
        ),
        "column": gettext_noop(
            "Expected no other columns than path, label and split in %(file)s, line %(line)s, "
            "received the column %(column)s. Rename or remove it, and separate columns by commas."
        ),
        "column_twice": gettext_noop(
            "Expected each column once in %(file)s, line %(line)s, received the column %(column)s "
            "again. Remove one of the two."
        ),
        "no_column": gettext_noop(
            "Expected the column %(column)s in %(file)s, line %(line)s, found none. "
            "The first line names the columns: path,label or path,label,split."
        ),
        "length": gettext_noop(
            "Expected %(expected)s values in %(file)s, line %(line)s, as the first line has columns, "
            "received %(received)s. Put values with commas into quotation marks."
        ),
        "missing": gettext_noop(
            "Expected an existing picture in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s, where there is no file. Paths are relative to the list's folder, with / "
            "between folders; add the picture or remove the line."
        ),
        "outside": gettext_noop(
            "Expected a path below the list's folder in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s, which leads out of it. Put the pictures below that folder and "
            "give relative paths."
        ),
        "twice": gettext_noop(
            "Expected each picture once, received %(received)s in %(file)s, line %(line)s, column "
            "%(column)s, again; it stands in line %(first)s already. Remove one of the two lines, "
            "or write several labels as one|other."
        ),
        "label": gettext_noop(
            "Expected labels separated by | in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s, where one is empty. Remove the | that is too much."
        ),
        "case": gettext_noop(
            "Expected labels that differ in more than case, received %(received)s in %(file)s, line "
            "%(line)s, column %(column)s, after %(other)s. Use one spelling."
        ),
        "split": gettext_noop(
            "Expected train, val, test or nothing in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line."
        ),
        "no_labels": gettext_noop(
            "Expected lines with pictures and their labels in %(file)s, found none. "
            "Add at least two classes with pictures."
        ),
        "pair": gettext_noop(
            "Expected an id, a space and a value in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line."
        ),
        "id": gettext_noop(
            "Expected each id once, and only ids that the other lists have, received %(received)s in "
            "%(file)s, line %(line)s, column %(column)s. Remove the line."
        ),
        "no_value": gettext_noop(
            "Expected a line with the id %(received)s in %(other)s, as %(file)s has one in line "
            "%(line)s, column %(column)s, found none. Add it or remove the picture."
        ),
        "class_id": gettext_noop(
            "Expected a class id of %(other)s in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line or add the class."
        ),
        "is_training": gettext_noop(
            "Expected 1 (train) or 0 (test) in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s. Correct the line."
        ),
    }


class ArchiveRefused(TrainingError):
    """A ZIP that is not unpacked, or not to its end; nothing of it is kept."""

    sentences = {
        "no_zip": gettext_noop(
            "Expected a ZIP file at %(path)s, received a file that is none or is damaged: "
            "%(problem)s. Pack the folder again."
        ),
        "damaged": gettext_noop(
            "Expected a whole file %(name)s in the ZIP, received a damaged one: %(problem)s. "
            "Nothing was kept; pack the folder again."
        ),
        "path": gettext_noop(
            "Expected paths that stay in the ZIP's own folder, with / between folders, received "
            "%(name)s. Nothing was unpacked; pack the folder itself, without absolute paths."
        ),
        "odd_name": gettext_noop(
            "Expected file names that are text, up to 255 bytes long and up to 100 folders deep, "
            "received %(name)s. Nothing was unpacked; rename the file and pack the folder again."
        ),
        "special": gettext_noop(
            "Expected plain files and folders in the ZIP, received a link or another special file: "
            "%(name)s. Nothing was unpacked; pack the folder again with the files themselves."
        ),
        "encrypted": gettext_noop(
            "Expected a ZIP without a password, received an encrypted file: %(name)s. "
            "Nothing was unpacked; pack the folder again without one."
        ),
        "method": gettext_noop(
            "Expected files that are stored or deflated, as ZIPs commonly are, received %(name)s by "
            "method number %(method)s. Nothing was unpacked; pack the folder again with common settings."
        ),
        "nested": gettext_noop(
            "Expected no archives in the ZIP, received %(name)s. "
            "Nothing was unpacked; unpack it and pack the folder again."
        ),
        "twice": gettext_noop(
            "Expected names that differ in more than case, received %(other)s and %(name)s. "
            "Nothing was unpacked; rename one of the two and pack the folder again."
        ),
        "too_many_bytes": gettext_noop(
            "Expected at most %(max_megabytes)s MB in the ZIP, received %(megabytes)s MB. "
            "Nothing was unpacked; leave out pictures or make them smaller."
        ),
        "too_many_files": gettext_noop(
            "Expected at most %(max_files)s files and folders in the ZIP, received more. "
            "Nothing was unpacked; leave out pictures."
        ),
        "ratio": gettext_noop(
            "Expected files that unpack to at most %(max_ratio)s times their packed size, received "
            "%(name)s with %(ratio)s times. Nothing was unpacked; pack the folder again."
        ),
        "no_space": gettext_noop(
            "Expected %(megabytes)s MB of free space to unpack the ZIP, found %(free_megabytes)s MB. "
            "Nothing was kept; make room on the disk."
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
            "The training was stopped; try a lower --learning-rate, other pictures, a larger "
            "--image-size or pretrained weights."
        ),
    }


class OutOfMemory(TrainingError):
    """A training that needs more memory than there is."""

    sentences = {
        "batch": gettext_noop(
            "Expected a step to fit into memory, but it ran out with batches of %(batch_size)s "
            "pictures of %(image_size)s pixels. Lower --batch-size (now %(batch_size)s) first, then "
            "--image-size (now %(image_size)s)."
        ),
        "picture": gettext_noop(
            "Expected a step to fit into memory, but it ran out with a single picture of "
            "%(image_size)s pixels. Lower --image-size (now %(image_size)s)."
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
