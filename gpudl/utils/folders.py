"""Read pictures from folders, one folder a class, while training: `image_dataset_from_directory`. Needs Pillow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from . import images
from .batches import Batches, _at_least
from .numerical import to_categorical

Array = np.ndarray[Any, Any]
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff")
LABELS = ("int", "categorical", "binary", None)


def found_classes(where: str, directory: Any) -> list[str]:
    """The names of the folders in a folder, in order."""
    if not os.path.isdir(directory):
        raise FileNotFoundError(f"[{where}] there is no folder {os.fspath(directory)!r}")
    return sorted(e.name for e in os.scandir(directory) if e.is_dir() and not e.name.startswith("."))


def found_files(folder: Any, follow_links: bool = False, endings: Sequence[str] = ENDINGS) -> list[str]:
    """The pictures in a folder and in those below it, in order."""
    return [
        os.path.join(at, name)
        for at, _, names in sorted(os.walk(folder, followlinks=follow_links))
        for name in sorted(names)
        if name.lower().endswith(tuple(endings))
    ]


def listed(
    where: str, directory: Any, class_names: Sequence[str] | None, follow_links: bool, endings: Sequence[str] = ENDINGS
) -> tuple[list[str], Array, list[str]]:
    """(files, their class numbers, names of the classes) of a folder with one folder a class."""
    present = found_classes(where, directory)
    names = present if class_names is None else list(class_names)
    missing = [n for n in names if n not in present]
    if missing or not names:
        what = f"there is no folder for {', '.join(missing)}" if missing else "there are no folders"
        raise ValueError(f"[{where}] {what} in {os.fspath(directory)!r}; each class needs one. Found: {', '.join(present) or 'none'}")
    files: list[str] = []
    numbers: list[int] = []
    for i, name in enumerate(names):
        held = found_files(Path(directory) / name, follow_links, endings)
        files += held
        numbers += [i] * len(held)
    if not files:
        raise ValueError(f"[{where}] there are no pictures in {os.fspath(directory)!r}. They end in {', '.join(endings)}")
    return files, np.asarray(numbers, np.int64), names


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of pictures, read from files when they are needed, with labels from the folders that they lie in.

    Args:
        directory: holds one folder for each class.
        labels: "inferred" from the folders (default), None, or a list with one class number for each file in the order of their paths.
        label_mode: "int" (default), "categorical": one-hot, "binary": 0.0 or 1.0, or None: pictures alone.
        class_names: the folders that are used, in the order of their numbers. Default: all, by name.
        color_mode: "rgb" (default), "rgba" or "grayscale".
        batch_size: default 32; None: single pictures.
        image_size: (height, width) to which all are scaled, default (256, 256).
        shuffle: a new order for each walk, default True.
        seed: of the orders, and of what is kept for validation.
        validation_split: the fraction of the files that is kept for validation.
        subset: "training", "validation", or "both": a pair of datasets.
        interpolation: as for `load_img`, default "bilinear".
        follow_links: look into folders behind links. Default False.
        crop_to_aspect_ratio: cut the middle out before scaling, so that nothing is stretched. Default False.
        pad_to_aspect_ratio: fill up with black before scaling, so that nothing is stretched. Default False.
        data_format: default `image_data_format()`.
        format: taken as in Keras; there is one kind of result.
        verbose: print how many files there are, default True.

    Returns:
        `Batches` of float32 pictures (N, H, W, C), from 0 to 255, and labels; with the attributes ``class_names`` and ``file_paths``.

    >>> import os, tempfile, numpy as np, gpudl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cats", "dogs"):
    ...         os.mkdir(os.path.join(folder, name))
    ...         gpudl.utils.save_img(os.path.join(folder, name, "1.png"), np.zeros((8, 8, 3)))
    ...     data = image_dataset_from_directory(folder, image_size=(4, 4), shuffle=False)
    ...     x, y = next(iter(data))
    Found 2 files in 2 classes
    >>> x.shape, y.tolist(), data.class_names
    ((2, 4, 4, 3), [0, 1], ['cats', 'dogs'])
    """
    where = "image_dataset_from_directory"
    images.pillow()
    if label_mode not in LABELS:
        raise ValueError(f"[{where}] label_mode must be 'int', 'categorical', 'binary' or None. Received: {label_mode!r}")
    if batch_size is not None:
        _at_least(where, "batch_size", batch_size, 1)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"[{where}] pictures are cut or filled up, not both: crop_to_aspect_ratio, pad_to_aspect_ratio")
    layout = config.image_data_format() if data_format is None else data_format
    _checked_split(where, validation_split, subset, shuffle, seed)
    if isinstance(labels, str) and labels == "inferred":
        files, numbers, names = listed(where, directory, class_names, follow_links)
    else:
        found_classes(where, directory)
        files, names = found_files(directory, follow_links), list(class_names or [])
        numbers = np.zeros(len(files), np.int64) if labels is None else np.asarray(labels, np.int64)
        if len(numbers) != len(files):
            raise ValueError(f"[{where}] there are {len(files)} files, but {len(numbers)} labels")
        if labels is None:
            label_mode = None
        names = names or [str(i) for i in range(int(numbers.max(initial=0)) + 1)]
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(f"[{where}] label_mode='binary' needs two classes. Found: {', '.join(names)}")
    if verbose:
        print(f"Found {len(files)} files" + ("" if label_mode is None else f" in {len(names)} classes"))
    order = np.arange(len(files))
    if shuffle and validation_split:
        order = np.random.default_rng(seed).permutation(order)

    def picture(i: Any) -> Array:
        return read(files[int(i)], color_mode, image_size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, layout)

    def target(i: Any) -> Array:
        if label_mode == "categorical":
            return to_categorical(numbers[i], len(names))
        if label_mode == "binary":
            return np.asarray(numbers[i], np.float32)[..., None] if np.ndim(i) else np.asarray([numbers[i]], np.float32)
        return np.asarray(numbers[i], np.int32)

    def make(i: Any) -> Any:
        x = picture(i) if np.ndim(i) == 0 else np.stack([picture(k) for k in i])
        return x if label_mode is None else (x, target(i))

    def part(at: Any) -> Batches:
        made = Batches(make, at, batch_size, shuffle, seed)
        made.class_names, made.file_paths = names, [files[i] for i in at]
        return made

    held = int(len(files) * (validation_split or 0))
    parts = {"training": order[: len(files) - held], "validation": order[len(files) - held :]}
    if validation_split and verbose:
        for name in parts if subset == "both" else [str(subset)]:
            print(f"Using {len(parts[name])} files for {name}")
    if subset == "both":
        return part(parts["training"]), part(parts["validation"])
    return part(order if subset is None else parts[subset])


def _checked_split(where: str, fraction: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if fraction is None:
        if subset is not None:
            raise ValueError(f"[{where}] subset={subset!r} needs validation_split")
        return
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ValueError(f"[{where}] validation_split must be a fraction, 0 < f < 1. Received: {fraction!r}")
    if subset not in ("training", "validation", "both"):
        raise ValueError(f"[{where}] with validation_split, subset must be 'training', 'validation' or 'both'. Received: {subset!r}")
    if shuffle and seed is None and subset != "both":
        raise ValueError(f"[{where}] pass a seed, the same for both subsets, or shuffle=False: else they overlap")


def read(path: str, color_mode: str, size: tuple[int, int], interpolation: str, crop: bool, fill: bool, layout: str) -> Array:
    """One picture as a float32 array of a size."""
    image = images.load_img(path, color_mode, None if fill else size, interpolation, crop)
    if fill:
        from PIL import Image, ImageOps

        way = getattr(Image.Resampling, interpolation.upper())
        image = ImageOps.pad(image, (size[1], size[0]), way)
    return images.img_to_array(image, layout, "float32")


__all__ = ["image_dataset_from_directory"]
