"""Pictures under the names of `keras.preprocessing.image`: read and write them, draw them anew in every epoch (`ImageDataGenerator`)."""

from __future__ import annotations

from ..errors import missing_attribute
from ..utils.images import array_to_img, img_to_array, load_img, save_img
from .augmentation import ImageDataGenerator
from .picture_batches import ArrayPictures, FolderPictures, Pictures

NumpyArrayIterator, DirectoryIterator, Iterator = ArrayPictures, FolderPictures, Pictures  # as Keras 2 calls them

__all__ = ["ImageDataGenerator", "array_to_img", "img_to_array", "load_img", "save_img"]

__getattr__ = missing_attribute(__name__, __all__)
