"""Read and write pictures: `load_img`, `img_to_array`, `array_to_img`, `save_img`. Needs Pillow, which is asked for when it is missing."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .. import config, dtypes
from ..errors import did_you_mean

Array = np.ndarray[Any, Any]
MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
WAYS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow() -> Any:
    """The package, or an error that says how to get it."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("[load_img] pictures are read and written by Pillow, which is not installed: pip install pillow") from None
    return Image


def _choice(where: str, name: str, value: Any, allowed: Any) -> str:
    found = value.lower() if isinstance(value, str) else value
    if found not in allowed:
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        raise ValueError(f"[{where}] {name} must be one of {', '.join(map(repr, allowed))}. Received: {name}={value!r}.{hint}")
    return str(found)


def _layout(where: str, data_format: Any) -> str:
    if data_format is None:
        return config.image_data_format()
    return _choice(where, "data_format", data_format, ("channels_last", "channels_first"))


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """A picture from a file, as Pillow has it.

    Args:
        path: of the file, or a file that is open for reading bytes.
        color_mode: "rgb" (default), "rgba" or "grayscale".
        target_size: (height, width) to which it is scaled; default: as it is.
        interpolation: "nearest" (default), "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: cut the middle out before scaling, so that nothing is stretched. Default False.

    Raises:
        ImportError: without Pillow.
        FileNotFoundError: if there is no such file.

    >>> import io, numpy as np
    >>> file = io.BytesIO()
    >>> save_img(file, np.zeros((4, 6, 3)), file_format="png")
    >>> load_img(file, target_size=(2, 3)).size
    (3, 2)
    """
    image_module = pillow()
    mode = MODES[_choice("load_img", "color_mode", "grayscale" if color_mode == "greyscale" else color_mode, tuple(MODES))]
    way = getattr(image_module.Resampling, _choice("load_img", "interpolation", interpolation, WAYS).upper())
    if hasattr(path, "seek"):
        path.seek(0)
    with image_module.open(path if hasattr(path, "read") else os.fspath(path)) as file:
        image = file.convert(mode) if file.mode != mode else file.copy()
    if target_size is None:
        return image
    height, width = target_size
    if keep_aspect_ratio:
        scale = min(image.width / width, image.height / height)
        w, h = round(width * scale), round(height * scale)
        left, top = (image.width - w) // 2, (image.height - h) // 2
        image = image.crop((left, top, left + w, top + h))
    return image if image.size == (width, height) else image.resize((width, height), way)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> Array:
    """A picture as an array (H, W, C), or (C, H, W) with ``data_format="channels_first"``; numbers as they are, mostly 0 to 255.

    Args:
        img: of Pillow, or an array of 2 or 3 axes.
        data_format: default `image_data_format()`.
        dtype: default `floatx()`.

    >>> import numpy as np
    >>> img_to_array(np.zeros((4, 6), "uint8")).shape
    (4, 6, 1)
    """
    layout = _layout("img_to_array", data_format)
    made = np.asarray(img, dtypes.standard(dtype or config.floatx()))
    if made.ndim == 2:
        made = made[:, :, None]
    if made.ndim != 3:
        raise ValueError(f"[img_to_array] a picture has 2 or 3 axes. Received: shape {made.shape}")
    return np.ascontiguousarray(made.transpose(2, 0, 1)) if layout == "channels_first" else made


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (H, W, C) as a picture of Pillow; C is 1, 3 or 4.

    Args:
        x: the array, or (C, H, W) with ``data_format="channels_first"``.
        data_format: default `image_data_format()`.
        scale: stretch the numbers to 0..255. Default True; False: they are such numbers already.
        dtype: in which it is computed, default `floatx()`.

    >>> import numpy as np
    >>> array_to_img(np.zeros((4, 6, 3))).size
    (6, 4)
    """
    image_module = pillow()
    layout = _layout("array_to_img", data_format)
    held = np.asarray(x, dtypes.standard(dtype or config.floatx()))
    if held.ndim != 3:
        raise ValueError(f"[array_to_img] an array of 3 axes is expected: one picture. Received: shape {held.shape}")
    if layout == "channels_first":
        held = held.transpose(1, 2, 0)
    if scale:
        held = held - held.min()
        most = held.max()
        held = held / most * 255 if most else held
    if held.shape[2] not in (1, 3, 4):
        raise ValueError(f"[array_to_img] a picture has 1, 3 or 4 channels. Received: shape {held.shape}")
    whole = held.astype(np.int32 if held.shape[2] == 1 and held.max(initial=0) > 255 else np.uint8)
    return image_module.fromarray(whole[:, :, 0] if whole.shape[2] == 1 else whole)


def save_img(path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any) -> None:
    """Write an array as a picture.

    Args:
        path: of the file, or a file that is open for writing bytes.
        x, data_format, scale: as for `array_to_img`.
        file_format: default: by the ending of the path.
        **kwargs: for Pillow's `save`.

    >>> import io, numpy as np
    >>> file = io.BytesIO()
    >>> save_img(file, np.zeros((4, 6, 3)), file_format="png")
    >>> file.getvalue()[1:4]
    b'PNG'
    """
    image = array_to_img(x, data_format, scale)
    ending = (file_format or os.path.splitext(os.fspath(path))[1][1:] if not hasattr(path, "write") else file_format or "").lower()
    if image.mode == "RGBA" and ending in ("jpg", "jpeg"):
        image = image.convert("RGB")  # JPEG has no transparency
    image.save(path, format=file_format, **kwargs)


__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
