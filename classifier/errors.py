"""What the core refuses, each with a stable code and a sentence that a person can act on.

An error carries its caller's decision: `code` to branch on, `params` to fill the sentence in
another language, `retryable` when the same call may succeed later. `str(error)` is the English
sentence. Sentences are marked with `gettext_noop`, so that the web application's catalogues
translate them without this package knowing of Django.
"""

from collections.abc import Mapping
from typing import ClassVar


def gettext_noop(message: str) -> str:
    """Mark a sentence for the message catalogues; returns it as it is."""
    return message


class ClassifierError(Exception):
    """Base of everything this package raises on purpose."""

    sentences: ClassVar[Mapping[str, str]] = {}
    retryable: ClassVar[bool] = False

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(self.sentences[code] % params)


class InvalidImage(ClassifierError):
    """These bytes are not a picture that can be answered; a visitor may read why."""

    sentences = {
        "empty": gettext_noop(
            "Expected a picture, received an empty file. Please choose another file."
        ),
        "too_many_bytes": gettext_noop(
            "Expected a file of at most %(max_megabytes)s MB, received %(megabytes)s MB. "
            "Please send a smaller version of the picture."
        ),
        "unknown_format": gettext_noop(
            "Expected a picture (%(formats)s), received a file of another kind. "
            "Please save it in one of these formats."
        ),
        "too_many_pixels": gettext_noop(
            "Expected a picture of at most %(max_megapixels)s megapixels, received "
            "%(width)s x %(height)s pixels. Please send a smaller version of the picture."
        ),
        "damaged": gettext_noop(
            "Expected a whole %(format)s picture, received one that is cut off or damaged. "
            "Please send the original file again."
        ),
        "missing": gettext_noop(
            "Expected a picture at %(path)s, found no readable file. Please check the path."
        ),
    }


class BundleError(ClassifierError):
    """A model bundle that will not be used."""


class BundleMissing(BundleError):
    sentences = {
        "no_folder": gettext_noop(
            "Expected a model bundle at %(path)s, found no such folder. "
            "Train one with: python -m training FOLDER --out BUNDLE"
        ),
        "no_manifest": gettext_noop(
            "Expected a model bundle at %(path)s, found no manifest.json in it. "
            "Give the folder that the training wrote."
        ),
    }


class BundleCorrupt(BundleError):
    sentences = {
        "manifest_unreadable": gettext_noop(
            "Expected a readable manifest in the bundle %(path)s, received: %(problem)s. "
            "Copy the bundle again or train a new one."
        ),
        "manifest_changed": gettext_noop(
            "Expected the manifest that the training wrote, but manifest.json in %(path)s was "
            "changed afterwards. Copy the bundle again or train a new one."
        ),
        "file_missing": gettext_noop(
            "Expected %(file)s in the bundle %(path)s, found no such file. "
            "Copy the bundle again or train a new one."
        ),
        "file_changed": gettext_noop(
            "Expected %(file)s in the bundle %(path)s as the training wrote it, but its SHA-256 "
            "differs. Copy the bundle again or train a new one."
        ),
        "graph_unreadable": gettext_noop(
            "Expected a serving graph that can be loaded in the bundle %(path)s, received: "
            "%(problem)s. Train a new one."
        ),
        "model_unreadable": gettext_noop(
            "Expected the Keras model that the training wrote in the bundle %(path)s, received: "
            "%(problem)s. Train a new one."
        ),
        "not_finite": gettext_noop(
            "Expected finite numbers in the bundle %(path)s, received NaN or infinity in "
            "%(place)s. Train a new one."
        ),
        "reasons_unusable": gettext_noop(
            "Expected training pictures and a rule for outliers that fit the model in the bundle "
            "%(path)s, received: %(problem)s. Train a new one."
        ),
    }


class BundleIncompatible(BundleError):
    sentences = {
        "newer_format": gettext_noop(
            "Expected a bundle of format version %(expected)s or older, received version "
            "%(received)s in %(path)s. Update Ocellus to use it."
        ),
        "other_preprocessing": gettext_noop(
            "Expected preprocessing version %(expected)s, received %(received)s in the bundle "
            "%(path)s. Train a new one with this release."
        ),
        "label_count": gettext_noop(
            "Expected one output for each of the %(num_classes)s class names, received "
            "%(num_outputs)s outputs in the bundle %(path)s. Train a new one."
        ),
        "input_shape": gettext_noop(
            "Expected a serving graph that takes uint8 pictures of %(image_size)s x %(image_size)s "
            "pixels, received %(received)s in the bundle %(path)s. Train a new one."
        ),
    }


class BundleExists(BundleError):
    sentences = {
        "exists": gettext_noop(
            "Expected a path for a new bundle, but %(path)s exists already. "
            "Bundles are never changed; choose another name."
        ),
    }


class EngineError(ClassifierError, RuntimeError):
    """A sound bundle that this machine cannot answer with, at least not on the device asked for."""

    sentences = {
        "no_gpu": gettext_noop(
            "Expected an NVIDIA GPU on this machine, found none. "
            "Choose the device auto or cpu (OCELLUS_DEVICE)."
        ),
        "gpu_unseen": gettext_noop(
            "Expected TensorFlow to see this machine's GPU, but it sees none. Install its CUDA "
            "libraries (pip install 'tensorflow[and-cuda]') or choose the device cpu (OCELLUS_DEVICE)."
        ),
        "other_backend": gettext_noop(
            "Expected Keras on TensorFlow to use the GPU, but this process runs it on %(backend)s. "
            "Set KERAS_BACKEND=tensorflow or choose the device cpu (OCELLUS_DEVICE)."
        ),
        "gpu_memory": gettext_noop(
            "Expected room on the GPU for a batch of %(num_pictures)s, but its memory is used up. "
            "Lower OCELLUS_ENGINE_MEMORY_MB, so that fewer versions stay loaded, end what else uses "
            "the GPU, or choose the device cpu (OCELLUS_DEVICE)."
        ),
        "gpu_failed": gettext_noop(
            "Expected TensorFlow to answer a batch of %(num_pictures)s, received: %(problem)s. "
            "If it comes again, choose the device cpu (OCELLUS_DEVICE)."
        ),
    }
