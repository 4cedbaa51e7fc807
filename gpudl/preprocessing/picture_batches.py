"""Walk through pictures in batches, each drawn anew: what `ImageDataGenerator.flow` and `flow_from_directory` return."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random as gpudl_random
from ..utils import folders, images
from ..utils.batches import PyDataset
from ..utils.numerical import to_categorical

Array = np.ndarray[Any, Any]
MODES = ("categorical", "binary", "sparse", "input", None)


class Pictures(PyDataset):
    """Batches without end: `next` gives one after the other, in a new order every epoch; an epoch has ``len(...)`` of them.

    Args:
        generator: draws and scales a picture.
        n: how many pictures there are.
        batch_size: pictures a batch.
        shuffle: whether orders are drawn.
        seed: of orders and drawings.
    """

    def __init__(self, generator: Any, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        super().__init__()
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"[flow] batch_size must be a whole number >= 1. Received: batch_size={batch_size!r}")
        if n < 1:
            raise ValueError("[flow] there are no pictures")
        self.image_data_generator, self.n, self.samples, self.batch_size = generator, n, n, int(batch_size)
        self.shuffle, self.seed = shuffle, seed
        self._rng = gpudl_random.host_rng() if seed is None else np.random.default_rng(seed)
        self._own = seed is not None
        self.reset()

    def reset(self) -> None:
        """Begin again with the first batch, of a new order."""
        self.batch_index = 0
        self.index_array: Array | None = None

    def on_epoch_end(self) -> None:
        """Draw a new order."""
        self.index_array = None

    def _random(self) -> np.random.Generator:
        return self._rng if self._own else gpudl_random.host_rng()

    def _order(self) -> Array:
        if self.index_array is None:
            self.index_array = self._random().permutation(self.n) if self.shuffle else np.arange(self.n)
        return self.index_array

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"[flow] there are {len(self)} batches. Received: {index}")
        return self._batch(self._order()[index * self.batch_size : (index + 1) * self.batch_size])

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        """The next batch."""
        batch = self[self.batch_index]
        self.batch_index += 1
        if self.batch_index == len(self):
            self.reset()
        return batch

    next = __next__

    def _batch(self, numbers: Array) -> Any:
        raise NotImplementedError

    def _drawn(self, picture: Array) -> Array:
        generator = self.image_data_generator
        found: Array = generator.standardize(generator.random_transform(picture, self._random()))
        return found


def _part(where: str, n: int, fraction: float, subset: str | None) -> slice:
    if subset is None:
        return slice(0, n)
    if subset not in ("training", "validation"):
        raise ValueError(f"[{where}] subset must be 'training', 'validation' or None. Received: subset={subset!r}")
    if not fraction:
        raise ValueError(f"[{where}] subset={subset!r} needs ImageDataGenerator(validation_split=...)")
    held = int(n * fraction)
    return slice(0, n - held) if subset == "training" else slice(n - held, n)


class ArrayPictures(Pictures):
    """Batches of pictures in memory: see `ImageDataGenerator.flow`."""

    def __init__(
        self, generator: Any, x: Array, y: Any, batch_size: int, shuffle: bool, sample_weight: Any, seed: int | None,
        save_to_dir: Any, save_prefix: str, save_format: str, subset: str | None,
    ) -> None:  # fmt: skip
        where = "ImageDataGenerator.flow"
        targets = None if y is None else np.asarray(y)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        for name, other in (("y", targets), ("sample_weight", weights)):
            if other is not None and (other.ndim == 0 or len(other) != len(x)):
                raise ValueError(f"[{where}] x and {name} must have the same number of rows. Received: {len(x)}, {other.shape}")
        part = _part(where, len(x), generator.validation_split, subset)
        self.x, self.y = x[part], None if targets is None else targets[part]
        self.sample_weight = None if weights is None else weights[part]
        self._save = (save_to_dir, save_prefix, save_format)
        super().__init__(generator, len(self.x), batch_size, shuffle, seed)

    def _batch(self, numbers: Array) -> Any:
        x = np.stack([self._drawn(self.x[i]) for i in numbers])
        write(x, numbers, self._save, self.image_data_generator.data_format, self._random())
        if self.y is None:
            return x
        return (x, self.y[numbers]) if self.sample_weight is None else (x, self.y[numbers], self.sample_weight[numbers])


class FolderPictures(Pictures):
    """Batches of pictures in folders: see `ImageDataGenerator.flow_from_directory`.

    Attributes: ``class_indices`` (name -> number), ``classes`` (the number of each picture), ``filenames``, ``filepaths``, ``samples``.
    """

    def __init__(
        self, generator: Any, directory: Any, target_size: tuple[int, int], color_mode: str, classes: Sequence[str] | None,
        class_mode: str | None, batch_size: int, shuffle: bool, seed: int | None, save_to_dir: Any, save_prefix: str, save_format: str,
        follow_links: bool, subset: str | None, interpolation: str,
    ) -> None:  # fmt: skip
        where = "ImageDataGenerator.flow_from_directory"
        images.pillow()
        if class_mode not in MODES:
            raise ValueError(f"[{where}] class_mode must be one of {', '.join(map(repr, MODES))}. Received: class_mode={class_mode!r}")
        files, numbers, names = folders.listed(where, directory, classes, follow_links)
        if class_mode == "binary" and len(names) != 2:
            raise ValueError(f"[{where}] class_mode='binary' needs two classes. Found: {', '.join(names)}")
        chosen: list[int] = []
        for number in range(len(names)):  # of every class the same fraction
            held = np.flatnonzero(numbers == number)
            chosen += held[_part(where, len(held), generator.validation_split, subset)].tolist()
        self.directory, self.target_size, self.color_mode = directory, tuple(target_size), color_mode
        self.class_mode, self.interpolation = class_mode, interpolation
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.num_classes = len(names)
        self.classes = numbers[chosen].astype(np.int32)
        self.filepaths = [files[i] for i in chosen]
        self.filenames = [os.path.relpath(path, directory) for path in self.filepaths]
        self._save = (save_to_dir, save_prefix, save_format)
        channels = {"grayscale": 1, "rgb": 3, "rgba": 4}.get(color_mode, 3)
        last = generator.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)
        super().__init__(generator, len(self.filepaths), batch_size, shuffle, seed)
        print(f"Found {self.n} images belonging to {len(names)} classes.")

    @property
    def labels(self) -> Array:
        """The class number of each picture."""
        return self.classes

    def _batch(self, numbers: Array) -> Any:
        layout, size = self.image_data_generator.data_format, (self.target_size[0], self.target_size[1])
        plain = [folders.read(self.filepaths[i], self.color_mode, size, self.interpolation, False, False, layout) for i in numbers]
        x = np.stack([self._drawn(picture) for picture in plain])
        write(x, numbers, self._save, layout, self._random())
        if self.class_mode is None:
            return x
        if self.class_mode == "input":
            return x, x.copy()
        labels = self.classes[numbers]
        if self.class_mode == "categorical":
            return x, to_categorical(labels, self.num_classes)
        return x, labels.astype(np.float32)


def write(x: Array, numbers: Array, where: tuple[Any, str, str], layout: str, rng: np.random.Generator) -> None:
    """Also keep pictures as files, if a folder for them was given."""
    folder, prefix, ending = where
    if folder is None:
        return
    for picture, number in zip(x, numbers):
        name = f"{prefix}_{number}_{rng.integers(10**7)}.{ending}"
        images.save_img(os.path.join(folder, name), picture, layout)


__all__ = ["ArrayPictures", "FolderPictures", "Pictures"]
