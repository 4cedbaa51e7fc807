"""Cases of views (reshape, transpose, slices, …) and of what joins and fills (concatenate, pad, repeat, …)."""

from __future__ import annotations

import numpy as np

from gpudl import ops
from gpudl.errors import ShapeError
from gpudl.testing import Case

ONES = np.ones
X = (2, 3, 4)


def normal(*shapes):
    return lambda rng: [rng.standard_normal(s) for s in shapes]


def move(name, function, oracle, *shapes, **options):
    """Moves values: exact."""
    return Case(name, function, normal(*(shapes or (X,))), oracle, atol=0 if options.pop("exact", True) else 16, **options)


def same(name, *args, shape=X, label=None, **kwargs):
    """The function of this name, called as NumPy's."""
    return move(
        label or f"{name}/{args} {kwargs or ''} of {shape}".strip(),
        lambda x: getattr(ops, name)(x, *args, **kwargs),
        lambda x: getattr(np, name)(x, *args, **kwargs),
        shape,
    )


def turned(x):
    return ops.transpose(x)


VIEWS = [
    same("reshape", (4, -1)),
    same("reshape", 24),
    same("reshape", (2, 3, 2, 2)),
    same("reshape", (), shape=(1, 1)),
    same("reshape", (1,), shape=()),
    same("reshape", (0, 5), shape=(3, 0)),
    move("reshape/of a transposed tensor", lambda x: ops.reshape(turned(x), (-1, 3)), lambda x: x.T.reshape(-1, 3)),
    move(
        "reshape/to its own shape",
        lambda x: ops.reshape(x, X),
        lambda x: x,
        errors=(
            (lambda: ops.reshape(ONES(4), (3, -1)), ShapeError, "x (4,) of 4 elements, newshape (3, -1)"),
            (lambda: ops.reshape(ONES(4), (3,)), ShapeError, "newshape (3,) of 3"),
            (lambda: ops.reshape(ONES(4), (-1, -1)), ShapeError, "-1"),
            (lambda: ops.reshape(ONES(0), (0, -1)), ShapeError, "-1"),
            (lambda: ops.reshape(ONES(4), (2.0, 2)), TypeError, "integer"),
        ),
    ),
    same("ravel"),
    same("ravel", shape=()),
    same("ravel", shape=(0, 3)),
    same("transpose"),
    same("transpose", (1, 2, 0)),
    same("transpose", (-1, 0, 1)),
    same("transpose", shape=()),
    move(
        "transpose/twice",
        lambda x: turned(turned(x)),
        lambda x: x,
        errors=(
            (lambda: ops.transpose(ONES((2, 3)), (0, 0)), ShapeError, "permutation"),
            (lambda: ops.transpose(ONES((2, 3)), (0,)), ShapeError, "permutation"),
            (lambda: ops.transpose(ONES((2, 3)), (0, 2)), ShapeError, "out of range"),
        ),
    ),
    same("swapaxes", 0, -1),
    same("moveaxis", 0, -1),
    same("moveaxis", (0, 1), (-1, 0)),
    move(
        "moveaxis/refused",
        lambda x: ops.moveaxis(x, 0, 0),
        lambda x: x,
        errors=(
            (lambda: ops.moveaxis(ONES((2, 3)), (0, 1), 0), ShapeError, "equally many"),
            (lambda: ops.swapaxes(ONES((2, 3)), 0, 2), ShapeError, "out of range"),
        ),
    ),
    same("expand_dims", 1),
    same("expand_dims", (0, 2, -1)),
    same("expand_dims", 0, shape=()),
    move("expand_dims/of a transposed tensor", lambda x: ops.expand_dims(turned(x), 1), lambda x: x.T[:, None]),
    same("squeeze", shape=(1, 3, 1)),
    same("squeeze", -1, shape=(1, 3, 1)),
    same("squeeze", (0, 2), shape=(1, 3, 1)),
    same("squeeze", shape=(1, 1)),
    move(
        "squeeze/nothing to do",
        ops.squeeze,
        lambda x: x,
        errors=(
            (lambda: ops.squeeze(ONES((2, 1)), 0), ShapeError, "x (2, 1), axis=0"),
            (lambda: ops.expand_dims(ONES(2), 3), ShapeError, "out of range"),
        ),
    ),
    same("broadcast_to", (5, 2, 3), shape=(2, 1)),
    same("broadcast_to", (2, 3), shape=()),
    same("broadcast_to", (0, 3), shape=(1, 3)),
    move(
        "broadcast_to/its own shape",
        lambda x: ops.broadcast_to(x, X),
        lambda x: x,
        errors=(
            (lambda: ops.broadcast_to(ONES(2), (3,)), ShapeError, "x (2,), shape (3,)"),
            (lambda: ops.broadcast_to(ONES((2, 2)), (2,)), ShapeError, "broadcast_to"),
        ),
    ),
    move(
        "broadcast_to/used in a product",
        lambda x, y: ops.multiply(ops.broadcast_to(x, (3, 4)), y),
        lambda x, y: x * y,
        (3, 1),
        (3, 4),
        exact=False,
    ),
    same("flip"),
    same("flip", 1),
    same("flip", (0, -1)),
    same("flip", shape=(0,)),
    same("flip", shape=()),
    move("split/parts", lambda x: tuple(ops.split(x, 3, 1)), lambda x: np.split(x, 3, 1), (3, 6)),
    move("split/places", lambda x: tuple(ops.split(x, (1, 4), -1)), lambda x: np.split(x, (1, 4), -1), (3, 6)),
    move("split/places from the end, beyond it", lambda x: tuple(ops.split(x, [-2, 9])), lambda x: np.split(x, [-2, 9]), (5, 2)),
    move(
        "split/one part",
        lambda x: tuple(ops.split(x, 1)),
        lambda x: [x],
        errors=((lambda: ops.split(ONES((5, 2)), 2), ShapeError, "divisible"), (lambda: ops.split(ONES((5, 2)), 0), ShapeError, "0 parts")),
    ),
    same("diagonal", shape=(3, 4)),
    same("diagonal", 1, 0, 2),
    same("diagonal", -1, 1, 0),
    same("diagonal", -5, shape=(3, 4)),
    same("diag", 1, shape=(3,)),
    same("diag", -2, shape=(3,)),
    same("diag", shape=(0,)),
    same("diag", -1, shape=(4, 3)),
    move(
        "diag/refused",
        lambda x: ops.diag(x),
        lambda x: np.diag(x),
        (2,),
        errors=((lambda: ops.diag(ONES(())), ShapeError, "x ()"), (lambda: ops.diagonal(ONES(3)), ShapeError, "x (3,)")),
    ),
]

two = ((2, 3), (2, 3))
JOINED = [
    *[
        move(f"concatenate/axis {a}", lambda x, y, a=a: ops.concatenate([x, y], a), lambda x, y, a=a: np.concatenate([x, y], a), *two)
        for a in (0, 1, -2)
    ],
    move(
        "concatenate/other sizes",
        lambda x, y, z: ops.concatenate([x, y, z], 1),
        lambda x, y, z: np.concatenate([x, y, z], 1),
        (2, 17),
        (2, 0),
        (2, 3),
    ),
    move("concatenate/flat", lambda x, y: ops.concatenate([x, y], None), lambda x, y: np.concatenate([x, y], None), (2, 3), (4,)),
    move("concatenate/twice the same", lambda x: ops.concatenate([x, x]), lambda x: np.concatenate([x, x]), (2, 3)),
    move(
        "concatenate/one",
        lambda x: ops.concatenate([x]),
        lambda x: x,
        errors=(
            (lambda: ops.concatenate([ONES((2, 3)), ONES((3, 2))]), ShapeError, "(2, 3), (3, 2)"),
            (lambda: ops.concatenate([ONES((2, 3)), ONES(2)]), ShapeError, "(2, 3), (2,)"),
            (lambda: ops.concatenate([]), ValueError, "list of tensors"),
            (lambda: ops.concatenate([1.0, 2.0]), ShapeError, "out of range"),
        ),
    ),
    Case(
        "concatenate/integer and float",
        lambda x, y: ops.concatenate([x, y]),
        lambda rng: [rng.standard_normal(3), np.array([1, 2], "int32")],
        lambda x, y: np.concatenate([x, y]),
    ),
    *[move(f"stack/axis {a}", lambda x, y, a=a: ops.stack([x, y], a), lambda x, y, a=a: np.stack([x, y], a), *two) for a in (0, 1, -1)],
    move(
        "stack/no axes",
        lambda x, y: ops.stack([x, y]),
        lambda x, y: np.stack([x, y]),
        (),
        (),
        errors=((lambda: ops.stack([ONES(2), ONES(3)]), ShapeError, "(2,), (3,)"),),
    ),
    *[
        move(f"{n} of {s}", lambda x, y, n=n: getattr(ops, n)([x, y]), lambda x, y, n=n: getattr(np, n)([x, y]), s, s)
        for n in ("hstack", "vstack")
        for s in ((), (3,), (2, 3))
    ],
    move(
        "unstack",
        lambda x: tuple(ops.unstack(x, axis=1)),
        lambda x: list(np.moveaxis(x, 1, 0)),
        (2, 3),
        errors=((lambda: ops.unstack(ONES((2, 3)), 3), ShapeError, "num=3"),),
    ),
    *[
        move(
            f"meshgrid/{w}",
            lambda x, y, z, w=w: tuple(ops.meshgrid(x, y, z, indexing=w)),
            lambda x, y, z, w=w: np.meshgrid(x, y, z, indexing=w),
            (2,),
            (3,),
            (4,),
        )
        for w in ("xy", "ij")
    ],
    move(
        "meshgrid/one",
        lambda x: ops.meshgrid(x)[0],
        lambda x: x,
        (3,),
        errors=((lambda: ops.meshgrid([1], indexing="x"), ValueError, "'x'"),),
    ),
    same("pad", 1, shape=(2, 3)),
    same("pad", (1, 2), shape=(2, 3)),
    same("pad", ((1, 2), (0, 3)), shape=(2, 3)),
    same("pad", ((1, 0), (2, 1)), shape=(2, 3), constant_values=1.5),
    same("pad", 0, shape=(2, 3)),
    Case(
        "pad/NaN",
        lambda x: ops.pad(x, 1, constant_values=float("nan")),
        normal((3,)),
        lambda x: np.pad(x, 1, constant_values=np.nan),
        differentiable=(),
    ),
    same("pad", ((2, 1),), shape=(0,)),
    *[same("pad", w, shape=(3, 4), mode=m) for m in ("reflect", "symmetric", "edge") for w in (1, ((2, 0), (1, 2)))],
    move(
        "pad/refused",
        lambda x: ops.pad(x, 1),
        lambda x: np.pad(x, 1),
        (2,),
        errors=(
            (lambda: ops.pad(ONES((2, 2)), ((1, 1),) * 3), ShapeError, "x of 2 axes"),
            (lambda: ops.pad(ONES(2), -1), ShapeError, "pad_width=-1"),
            (lambda: ops.pad(ONES(2), 1.5), ShapeError, "ints"),
            (lambda: ops.pad(ONES(2), 2, mode="reflect"), ShapeError, "wider than 1"),
            (lambda: ops.pad(ONES(0), 1, mode="edge"), ShapeError, "no edge"),
            (lambda: ops.pad(ONES(2), 1, mode="wrap"), ValueError, "'wrap'"),
            (lambda: ops.pad(ONES(2), 1, mode="reflect", constant_values=1), ValueError, "constant_values"),
        ),
    ),
    same("repeat", 2, shape=(2, 3)),
    same("repeat", 3, axis=0, shape=(2, 3)),
    same("repeat", 2, axis=-1, shape=(2, 3)),
    same("repeat", 0, axis=1, shape=(2, 3)),
    move(
        "repeat/refused",
        lambda x: ops.repeat(x, 1, 0),
        lambda x: x,
        errors=(
            (lambda: ops.repeat(ONES(3), [1, 2]), ShapeError, "repeats (1, 2)"),
            (lambda: ops.repeat(ONES(3), -1), ShapeError, "(-1,)"),
        ),
    ),
    same("tile", 2, shape=(2, 3)),
    same("tile", (2, 3), shape=(2, 3)),
    same("tile", (2, 1, 3), shape=(2, 3)),
    same("tile", (0, 2), shape=(2, 3)),
    same("tile", 2, shape=()),
    move("tile/refused", lambda x: ops.tile(x, 1), lambda x: x, errors=((lambda: ops.tile(ONES(3), -1), ShapeError, "negative"),)),
    same("roll", 2, shape=(3, 4)),
    same("roll", -1, shape=(3, 4), axis=0),
    same("roll", (1, 6), shape=(3, 4), axis=(0, 1)),
    same("roll", 1, shape=(0,), axis=0),
    move(
        "roll/refused",
        lambda x: ops.roll(x, 0, 0),
        lambda x: x,
        errors=((lambda: ops.roll(ONES((2, 2)), (1, 1, 1), (0, 1)), ShapeError, "equally many"),),
    ),
    *[same(name, k, shape=(2, 3, 4)) for name in ("tril", "triu") for k in (-1, 0, 2)],
    same("tril", shape=(17, 33)),
    move("triu/refused", ops.triu, np.triu, (1, 1), errors=((lambda: ops.tril(ONES(3)), ShapeError, "x (3,)"),)),
    Case("tril/NaN above is not seen", ops.tril, lambda rng: [np.array([[1.0, np.nan], [np.inf, 2.0]])], np.tril, differentiable=()),
]

CASES = [*VIEWS, *JOINED]
