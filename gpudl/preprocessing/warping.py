"""Turn, move, shear and zoom one picture: its pixels are looked up where a matrix says, between their neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FILLS = ("nearest", "constant", "reflect", "wrap")


def matrix(theta: float, tx: float, ty: float, shear: float, zx: float, zy: float) -> Array:
    """What leads from a place (row, column, 1) of the result to its place in the picture, both counted from the middle.

    Args:
        theta: angle, in degrees.
        tx, ty: rows and columns to move.
        shear: angle, in degrees.
        zx, zy: zoom along rows and columns.
    """
    found = np.eye(3)
    turn, lean = math.radians(theta), math.radians(shear)
    if turn:
        found = found @ np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    if tx or ty:
        found = found @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if lean:
        found = found @ np.array([[1, -math.sin(lean), 0], [0, math.cos(lean), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        found = found @ np.diag([zx, zy, 1.0])
    return found


def places(index: Array, size: int, fill: str) -> Array:
    """Numbers of rows that exist, for numbers that may lie outside."""
    if fill == "reflect":  # d c b a | a b c d | d c b a
        turned = np.mod(index, 2 * size)
        return np.where(turned < size, turned, 2 * size - 1 - turned)
    if fill == "wrap":
        return np.mod(index, size)
    return np.clip(index, 0, size - 1)


def warp(x: Array, transform: Array, fill: str = "nearest", cval: float = 0.0, order: int = 1) -> Array:
    """A picture (H, W, C) as seen through a matrix; outside it is filled.

    Args:
        x: the picture.
        transform: 3 x 3, see `matrix`.
        fill: "nearest", "constant" (`cval`), "reflect" or "wrap".
        cval: what lies outside for "constant".
        order: 0 takes the nearest pixel, 1 the mean of four by distance.
    """
    h, w = x.shape[:2]
    middle = np.array([h / 2 - 0.5, w / 2 - 0.5])  # of the pixels' places
    rows, columns = np.meshgrid(np.arange(h) - middle[0], np.arange(w) - middle[1], indexing="ij")
    r = transform[0, 0] * rows + transform[0, 1] * columns + transform[0, 2] + middle[0]
    c = transform[1, 0] * rows + transform[1, 1] * columns + transform[1, 2] + middle[1]
    if order == 0:
        made = x[places(np.rint(r).astype(np.int64), h, fill), places(np.rint(c).astype(np.int64), w, fill)]
    else:
        r0, c0 = np.floor(r).astype(np.int64), np.floor(c).astype(np.int64)
        fr, fc = (r - r0)[..., None], (c - c0)[..., None]
        ra, rb = places(r0, h, fill), places(r0 + 1, h, fill)
        ca, cb = places(c0, w, fill), places(c0 + 1, w, fill)
        made = (x[ra, ca] * (1 - fc) + x[ra, cb] * fc) * (1 - fr) + (x[rb, ca] * (1 - fc) + x[rb, cb] * fc) * fr
    if fill == "constant":
        slack = 1e-9 * max(h, w)  # roundings of the matrix
        outside = (r < -slack) | (r > h - 1 + slack) | (c < -slack) | (c > w - 1 + slack)
        made = np.where(outside[..., None], cval, made)
    return made.astype(x.dtype, copy=False)


__all__ = ["FILLS", "matrix", "places", "warp"]
