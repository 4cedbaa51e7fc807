"""Change pictures a little in every epoch, so that a network does not learn them by heart: `ImageDataGenerator`.

Keras 3 has layers for it. This is what scripts for Keras 2 use, on the host, with NumPy alone; pictures in folders need Pillow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import config, dtypes, renames
from .. import random as gpudl_random
from ..errors import ShapeError
from ..models.data import check_finite
from .picture_batches import ArrayPictures, FolderPictures
from .warping import FILLS, matrix, warp

Array = np.ndarray[Any, Any]


@renames.checked_keywords
class ImageDataGenerator:
    """Pictures as they are read, drawn a little differently each time, and scaled.

    Args:
        featurewise_center: subtract the mean of the data that `fit` saw, channel by channel.
        samplewise_center: subtract each picture's mean.
        featurewise_std_normalization: divide by the deviation of the data that `fit` saw, channel by channel.
        samplewise_std_normalization: divide each picture by its deviation.
        zca_whitening: take the correlations of the data that `fit` saw out of the pixels. `fit` needs D x D numbers for D pixels.
        zca_epsilon: added to the variances, default 1e-6.
        rotation_range: turn by up to so many degrees, default 0.
        width_shift_range, height_shift_range: move by up to this fraction of the size, or, from 1 on, by so many pixels; a list: by one of
            these. Default 0.
        brightness_range: (low, high): multiply by a number between them.
        shear_range: shear by up to so many degrees, default 0.
        zoom_range: zoom by a number in [1 - z, 1 + z], or (low, high). Default 0.
        channel_shift_range: add up to this to each picture, default 0.
        fill_mode: what lies outside: "nearest" (default), "constant" (`cval`), "reflect" or "wrap".
        cval: default 0.
        horizontal_flip, vertical_flip: mirror every other picture, on average.
        rescale: multiply by this, before all of the scaling above; e.g. 1/255.
        preprocessing_function: changes each picture, before the scaling.
        data_format: default `image_data_format()`.
        validation_split: the fraction at the end that ``subset="validation"`` takes, default 0.
        interpolation_order: 0: the nearest pixel, 1: the mean of four by distance. Default 1.
        dtype: of the results, default `floatx()`.

    >>> import numpy as np
    >>> pictures, labels = np.arange(48.0).reshape(3, 4, 4, 1), np.array([0, 1, 1])
    >>> generator = ImageDataGenerator(rescale=1 / 48, horizontal_flip=True, rotation_range=10)
    >>> x, y = next(generator.flow(pictures, labels, batch_size=2, seed=0))
    >>> x.shape, y.shape, bool(x.max() < 1)
    ((2, 4, 4, 1), (2,), True)
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[Array], Array] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        where = "ImageDataGenerator"
        if fill_mode not in FILLS:
            raise ValueError(f"[{where}] fill_mode must be one of {', '.join(map(repr, FILLS))}. Received: fill_mode={fill_mode!r}")
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(f"[{where}] data_format must be 'channels_last' or 'channels_first'. Received: {data_format!r}")
        if interpolation_order not in (0, 1):
            raise ValueError(f"[{where}] interpolation_order must be 0 or 1. Received: {interpolation_order!r}")
        if isinstance(validation_split, bool) or not 0 <= validation_split < 1:
            raise ValueError(f"[{where}] validation_split must lie in 0 <= f < 1. Received: {validation_split!r}")
        self.featurewise_center = featurewise_center or featurewise_std_normalization or zca_whitening
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range, self.channel_shift_range = rotation_range, shear_range, channel_shift_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range = _pair("brightness_range", brightness_range, (1.0, 1.0))
        self.zoom_range = (1 - zoom_range, 1 + zoom_range) if np.ndim(zoom_range) == 0 else _pair("zoom_range", zoom_range, (1.0, 1.0))
        self.fill_mode, self.cval, self.interpolation_order = fill_mode, cval, interpolation_order
        self.horizontal_flip, self.vertical_flip, self.rescale = horizontal_flip, vertical_flip, rescale
        self.preprocessing_function, self.validation_split = preprocessing_function, float(validation_split)
        self.data_format = data_format or config.image_data_format()
        self.dtype = dtypes.standard(dtype or config.floatx())
        self.mean: Array | None = None
        self.std: Array | None = None
        self.principal_components: Array | None = None

    # what the data are like -------------------------------------------------------------------------------------------------

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure means, deviations and correlations of training pictures, for the options that need them.

        Args:
            x: pictures (N, H, W, C).
            augment: measure pictures as they are drawn, so many `rounds` times. Default False.
            rounds: default 1.
            seed: of the drawing.

        Raises:
            ValueError: for other shapes, for no pictures, or for NaN.
        """
        data = self._pictures(x, "fit").astype(np.float64)
        if len(data) == 0:
            raise ValueError(f"[ImageDataGenerator.fit] x is empty: received shape {data.shape}")
        check_finite(data, "x", "ImageDataGenerator.fit")
        if augment:
            rng = _generator(seed)
            data = np.stack([self.random_transform(picture, rng) for _ in range(rounds) for picture in data])
        data = self._last(data)
        if self.rescale:
            data = data * self.rescale
        if self.featurewise_center:
            self.mean = data.mean((0, 1, 2))
            data = data - self.mean
        if self.featurewise_std_normalization:
            self.std = data.std((0, 1, 2))
            data = data / (self.std + 1e-7)
        if self.zca_whitening:
            flat = data.reshape(len(data), -1)
            flat = flat - flat.mean(0)
            values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
            self.principal_components = (vectors / np.sqrt(np.maximum(values, 0) + self.zca_epsilon)) @ vectors.T
            self._pixel_mean = data.reshape(len(data), -1).mean(0)

    def standardize(self, x: Any) -> Array:
        """One picture, scaled as the options say."""
        picture = self._last(np.asarray(x, np.float64))
        if self.preprocessing_function is not None:
            picture = self._last(np.asarray(self.preprocessing_function(self._back(picture).astype(self.dtype)), np.float64))
        if self.rescale:
            picture = picture * self.rescale
        if self.samplewise_center:
            picture = picture - picture.mean()
        if self.samplewise_std_normalization:
            picture = picture / (picture.std() + 1e-7)
        if self.featurewise_center:
            picture = picture - self._known(self.mean)
        if self.featurewise_std_normalization:
            picture = picture / (self._known(self.std) + 1e-7)
        if self.zca_whitening:
            components = self._known(self.principal_components)
            picture = ((picture.ravel() - self._pixel_mean) @ components).reshape(picture.shape)
        return self._back(picture).astype(self.dtype)

    def _known(self, value: Array | None) -> Array:
        if value is None:
            raise RuntimeError("[ImageDataGenerator] these options need the training data: call fit(x_train) first")
        return value

    # how a picture is drawn -------------------------------------------------------------------------------------------------

    def get_random_transform(self, img_shape: Sequence[int], seed: Any = None) -> dict[str, Any]:
        """How the next picture is drawn: what `apply_transform` takes."""
        rng = _generator(seed)
        h, w = img_shape[:2] if self.data_format == "channels_last" else img_shape[1:]
        low, high = self.zoom_range
        zx, zy = (1.0, 1.0) if low == high == 1 else rng.uniform(low, high, 2)
        bright = self.brightness_range
        return {
            "theta": rng.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0.0,
            "tx": _shift(self.height_shift_range, h, rng),
            "ty": _shift(self.width_shift_range, w, rng),
            "shear": rng.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0.0,
            "zx": float(zx),
            "zy": float(zy),
            "flip_horizontal": bool(self.horizontal_flip and rng.random() < 0.5),
            "flip_vertical": bool(self.vertical_flip and rng.random() < 0.5),
            "channel_shift_intensity": rng.uniform(-1, 1) * self.channel_shift_range if self.channel_shift_range else None,
            "brightness": None if bright == (1.0, 1.0) else rng.uniform(*bright),
        }

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> Array:
        """One picture, drawn as these parameters say; those that are missing change nothing."""
        p = transform_parameters
        picture = self._last(np.asarray(x))
        if picture.dtype.kind != "f":
            picture = picture.astype(np.float64)
        low, high = float(picture.min(initial=np.inf)), float(picture.max(initial=-np.inf))
        moves = [float(p.get(name, 0)) for name in ("theta", "tx", "ty", "shear")] + [float(p.get(name, 1)) for name in ("zx", "zy")]
        if moves != [0, 0, 0, 0, 1, 1]:
            picture = warp(picture, matrix(*moves), self.fill_mode, self.cval, self.interpolation_order)
        if p.get("channel_shift_intensity") is not None:
            picture = np.clip(picture + p["channel_shift_intensity"], low, high)
        if p.get("flip_horizontal"):
            picture = picture[:, ::-1]
        if p.get("flip_vertical"):
            picture = picture[::-1]
        if p.get("brightness") is not None:
            picture = np.clip(picture * p["brightness"], 0, 255)
        return self._back(picture)

    def random_transform(self, x: Any, seed: Any = None) -> Array:
        """One picture, drawn a little differently."""
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    # batches ----------------------------------------------------------------------------------------------------------------

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
    ) -> ArrayPictures:
        """Batches of pictures that are in memory: ``fit(generator.flow(x, y))``. They never end; an epoch has as many as there are.

        Args:
            x: pictures (N, H, W, C).
            y: labels, one a picture; None: pictures alone.
            batch_size: default 32.
            shuffle: a new order for every epoch, default True.
            sample_weight: one weight a picture.
            seed: of orders and drawings. Default None: drawn with the rest of gpudl's random numbers.
            save_to_dir, save_prefix, save_format: also write the pictures to files.
            subset: "training" or "validation", with validation_split.
        """
        return ArrayPictures(
            self, self._pictures(x, "flow"), y, batch_size, shuffle, sample_weight, seed, save_to_dir, save_prefix, save_format, subset
        )

    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
    ) -> FolderPictures:
        """Batches of pictures from a folder with one folder for each class. Needs Pillow.

        Args:
            directory: holds the folders.
            target_size: (height, width) to which all are scaled, default (256, 256).
            color_mode: "rgb" (default), "rgba" or "grayscale".
            classes: the folders that are used, in the order of their numbers. Default: all, by name.
            class_mode: "categorical": one-hot (default), "binary", "sparse": class numbers, "input": the pictures themselves, None: none.
            batch_size, shuffle, seed, save_to_dir, save_prefix, save_format, subset: as for `flow`.
            follow_links: look into folders behind links. Default False.
            interpolation: as for `utils.load_img`, default "nearest".
        """
        return FolderPictures(
            self, directory, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed,
            save_to_dir, save_prefix, save_format, follow_links, subset, interpolation,
        )  # fmt: skip

    # shared -----------------------------------------------------------------------------------------------------------------

    def _pictures(self, x: Any, method: str) -> Array:
        array = np.asarray(x)
        if array.ndim != 4:
            raise ShapeError(f"[ImageDataGenerator.{method}] pictures have shape (N, H, W, C), 4 axes. Received: shape {array.shape}")
        return array

    def _last(self, x: Array) -> Array:
        """With channels last."""
        if self.data_format == "channels_last":
            return x
        return np.moveaxis(x, 1 if x.ndim == 4 else 0, -1)

    def _back(self, x: Array) -> Array:
        return x if self.data_format == "channels_last" else np.moveaxis(x, -1, 0)


def _generator(seed: Any) -> np.random.Generator:
    """Itself, one of a seed, or the one that gpudl draws from on the host."""
    if isinstance(seed, np.random.Generator):
        return seed
    return gpudl_random.host_rng() if seed is None else np.random.default_rng(seed)


def _pair(name: str, value: Any, default: tuple[float, float]) -> tuple[float, float]:
    if value is None:
        return default
    if np.ndim(value) != 1 or len(value) != 2:
        raise ValueError(f"[ImageDataGenerator] {name} must be (low, high). Received: {name}={value!r}")
    return float(value[0]), float(value[1])


def _shift(amount: Any, size: int, rng: np.random.Generator) -> float:
    """Pixels to move by: up to a fraction, up to a number of pixels, or one of a list, to either side."""
    if np.ndim(amount):
        found = float(rng.choice(np.asarray(amount, np.float64))) * rng.choice([-1, 1])
        return float(found * size if np.max(amount) < 1 else found)
    if not amount:
        return 0.0
    return float(rng.uniform(-amount, amount) * size if amount < 1 else rng.integers(-int(amount), int(amount) + 1))


__all__ = ["ImageDataGenerator"]
