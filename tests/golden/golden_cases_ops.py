"""List the golden cases of ops (names and arguments of keras.ops) and of losses."""

from __future__ import annotations

from typing import Any

from golden_cases import Case, Draw

X34: Draw = ("normal", (3, 4))


def op(target: str, inputs: dict[str, Draw], *args: Any, name: str = "", wrt: tuple[str, ...] | None = None, **options: Any) -> Case:
    """An op's case; `args` defaults to all inputs in order, `wrt` to all floating ones.

    Fields of `Case` are taken out of `options`, the rest are the op's arguments.
    """
    fields = {key: options.pop(key) for key in ("terms", "rounding", "elementwise", "exact") if key in options}
    if wrt is None:
        wrt = tuple(key for key, rule in inputs.items() if rule[0] not in ("labels", "integers", "boolean", "int_values", "binary"))
    return Case("op_" + (name or target), "op", target, inputs, args=args or tuple(inputs), kwargs=options, wrt=wrt, **fields)


def move(target: str, *args: Any, name: str = "", **kwargs: Any) -> Case:
    """A case that only moves values of one array x (3, 4)."""
    return op(target, {"x": X34}, "x", *args, name=name, exact=True, terms=12, **kwargs)


def elementwise(target: str, *rules: Draw, name: str = "", wrt: tuple[str, ...] | None = None, exact: bool = False) -> Case:
    return op(target, {"xyz"[i]: rule for i, rule in enumerate(rules)}, name=name, wrt=wrt, elementwise=True, rounding=8, exact=exact)


def conv_op(name: str, target: str, x: tuple[int, ...], kernel: tuple[int, ...], **kwargs: Any) -> Case:
    spatial = 1
    for size in x[:-1]:
        spatial *= size
    products = 1
    for size in kernel:
        products *= size
    # a sum of products runs over at most the whole kernel (a value, an input's gradient) or over all places (a weight's gradient)
    return op(target, {"x": ("normal", x), "kernel": ("normal", kernel)}, name=name, terms=max(spatial, products), **kwargs)


def op_cases() -> list[Case]:
    return elementwise_cases() + reduction_cases() + movement_cases() + selection_cases() + matmul_cases() + window_cases() + nn_cases()


def elementwise_cases() -> list[Case]:
    shape = (3, 5)
    normal, positive, away, unit = ("normal", shape), ("positive", shape), ("away_from_zero", shape), ("open_unit", shape)
    row, column = ("away_from_zero", (5,)), ("away_from_zero", (3, 1))
    cases = [
        elementwise(t, normal)
        for t in ("exp", "expm1", "sin", "cos", "tanh", "square", "negative", "sigmoid", "erf", "softplus", "arctan", "sinh", "cosh")
    ]
    cases += [elementwise(t, positive) for t in ("log", "sqrt", "rsqrt", "log1p", "reciprocal", "log2", "log10")]
    cases += [
        elementwise(t, away)
        for t in (
            "absolute",
            "sign",
            "relu",
            "leaky_relu",
            "elu",
            "selu",
            "gelu",
            "silu",
            "softsign",
            "relu6",
            "hard_sigmoid",
            "log_sigmoid",
        )
    ]
    cases += [elementwise(t, ("distinct", shape), exact=True) for t in ("floor", "ceil", "round")]
    cases += [elementwise("arcsin", unit), elementwise("arccos", unit), elementwise("tan", unit)]
    cases += [elementwise(t, away, row) for t in ("add", "subtract", "multiply", "divide")]
    cases += [elementwise(t, column, away, name=t + "_column") for t in ("subtract", "multiply", "divide")]
    cases += [
        elementwise("power", positive, normal),
        elementwise("maximum", normal, row),
        elementwise("minimum", normal, row),
        elementwise("floor_divide", normal, row, wrt=()),
        elementwise("mod", normal, row, wrt=("x",)),
        elementwise("logaddexp", normal, row),
        elementwise("arctan2", away, away),
    ]
    ties: list[Draw] = [("values", [1.0, 2.0, 3.0, -0.0]), ("values", [1.0, 3.0, 2.0, 0.0])]
    cases += [elementwise(t, *ties, wrt=(), exact=True) for t in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")]
    cases += [op(t, {"x": ("boolean", (7,)), "y": ("boolean", (7,))}, exact=True) for t in ("logical_and", "logical_or", "logical_xor")]
    cases += [
        op("logical_not", {"x": ("boolean", (7,))}, exact=True),
        op("clip", {"x": ("distinct", shape)}, "x", -0.05, 0.03, elementwise=True, rounding=1),
        op("where", {"condition": ("boolean", shape), "x": normal, "y": row}, terms=3),
        elementwise("isnan", normal, wrt=(), exact=True),
        elementwise("isfinite", normal, wrt=(), exact=True),
    ]
    return cases


def reduction_cases() -> list[Case]:
    x: dict[str, Draw] = {"x": ("normal", (3, 4, 5))}
    distinct: dict[str, Draw] = {"x": ("distinct", (3, 4, 5))}
    cases = []
    for target in ("sum", "mean"):
        cases += [
            op(target, x, terms=61),
            op(target, x, name=target + "_axis", axis=1, terms=6),
            op(target, x, name=target + "_axes_keepdims", axis=(0, 2), keepdims=True, terms=16),
        ]
    for target in ("var", "std"):
        cases += [op(target, x, rounding=16), op(target, x, name=target + "_axis_keepdims", axis=-1, keepdims=True, rounding=16)]
    for target in ("max", "min"):
        cases += [
            op(target, distinct, exact=True),
            op(target, distinct, name=target + "_axis_keepdims", axis=1, keepdims=True, exact=True),
            op(target, distinct, name=target + "_axes", axis=(0, 2), exact=True),
        ]
    for target in ("argmax", "argmin"):
        cases += [
            op(target, distinct, wrt=(), exact=True),
            op(target, distinct, name=target + "_axis", axis=1, wrt=(), exact=True),
            op(target, distinct, name=target + "_keepdims", axis=-1, keepdims=True, wrt=(), exact=True),
        ]
    cases += [
        op("prod", {"x": ("away_from_zero", (3, 4))}, rounding=16),
        op("prod", {"x": ("away_from_zero", (3, 4))}, name="prod_axis", axis=0),
        op("logsumexp", x, rounding=16),
        op("logsumexp", x, name="logsumexp_axis", axis=1, keepdims=True, rounding=16),
        op("cumsum", {"x": X34}, axis=1, terms=5),
        op("any", {"x": ("boolean", (3, 4))}, axis=1, exact=True),
        op("all", {"x": ("boolean", (3, 4))}, axis=0, exact=True),
    ]
    return cases


def movement_cases() -> list[Case]:
    two: dict[str, Draw] = {"x": ("normal", (2, 3)), "y": ("normal", (2, 3))}
    return [
        move("reshape", (2, -1)),
        move("transpose"),
        move("broadcast_to", (2, 3, 4)),
        op("transpose", {"x": ("normal", (2, 3, 4))}, "x", name="transpose_axes", axes=(1, 2, 0), exact=True, terms=1),
        op("concatenate", two, ["x", "y"], axis=1, exact=True, terms=1),
        op("stack", two, ["x", "y"], axis=1, exact=True, terms=1),
        op("stack", two, ["x", "y"], name="stack_last", axis=-1, exact=True, terms=1),
        op("split", {"x": ("normal", (3, 6))}, "x", 3, axis=1, exact=True, terms=1),
        op("split", {"x": ("normal", (3, 6))}, "x", (1, 4), name="split_indices", axis=1, exact=True, terms=1),
        move("pad", ((1, 2), (0, 3))),
        move("pad", ((1, 0), (2, 1)), name="pad_constant", constant_values=1.5),
        move("expand_dims", 1),
        op("squeeze", {"x": ("normal", (1, 3, 1))}, "x", 2, name="squeeze_axis", exact=True, terms=1),
        move("repeat", 2, axis=1),
        move("repeat", 3, name="repeat_flat"),
        move("tile", (2, 3)),
        move("flip", axis=1),
        move("flip", name="flip_all"),
        move("swapaxes", 0, 1),
        move("moveaxis", 0, 1),
        move("roll", 2, axis=1),
        move("ravel"),
    ]


def selection_cases() -> list[Case]:
    x: dict[str, Draw] = {"x": X34}
    return [
        op("take", x | {"i": ("int_values", [2, 0, 0, 1])}, axis=0, exact=True, terms=4),
        op("take", x | {"i": ("int_values", [[3, 1], [1, -1]])}, name="take_columns", axis=1, exact=True, terms=4),
        op("take", x | {"i": ("int_values", [11, 0, 5, 5])}, name="take_flat", exact=True, terms=4),
        op("take_along_axis", x | {"i": ("int_values", [[3, 1], [0, 0], [2, 2]])}, axis=1, exact=True, terms=4),
        op(
            "take_along_axis", x | {"i": ("int_values", [[2, 1, 0, 2], [2, 2, 2, 2]])}, name="take_along_axis0", axis=0, exact=True, terms=4
        ),
        op("one_hot", {"i": ("int_values", [2, 0, 3, 1])}, "i", 4, exact=True),
        op("one_hot", {"i": ("int_values", [[1, 0], [2, 2]])}, "i", 3, name="one_hot_axis", axis=1, exact=True),
        op("top_k", {"x": ("distinct", (3, 7))}, "x", 3, exact=True, terms=1),
        op("sort", {"x": ("distinct", (4, 6))}, axis=0, exact=True, terms=1),
        op("sort", {"x": ("distinct", (4, 6))}, name="sort_last", exact=True, terms=1),
        op("argsort", {"x": ("distinct", (4, 6))}, axis=1, wrt=(), exact=True),
    ]


def matmul_cases() -> list[Case]:
    def pair(a: tuple[int, ...], b: tuple[int, ...]) -> dict[str, Draw]:
        return {"x": ("normal", a), "y": ("normal", b)}

    return [
        op("matmul", pair((3, 5), (5, 4)), terms=6),
        op("matmul", pair((5,), (5, 4)), name="matmul_vector_left", terms=6),
        op("matmul", pair((3, 5), (5,)), name="matmul_vector_right", terms=6),
        op("matmul", pair((5,), (5,)), name="matmul_inner", terms=6),
        op("matmul", pair((2, 3, 5), (2, 5, 4)), name="matmul_batched", terms=6),
        op("matmul", pair((2, 1, 3, 5), (4, 5, 2)), name="matmul_broadcast", terms=13),
        op("matmul", pair((2, 3, 5), (5, 4)), name="matmul_stack_left", terms=7),
        op("dot", pair((3, 5), (5, 4)), terms=6),
        op("dot", pair((2, 3, 5), (5,)), name="dot_vector", terms=7),
        op("dot", pair((2, 5), (3, 5, 4)), name="dot_3d", terms=13),
        op("tensordot", pair((2, 3, 4), (3, 4, 5)), "x", "y", 2, terms=13),
        op("tensordot", pair((2, 3, 4), (5, 4, 2)), name="tensordot_axes", axes=((0, 2), (2, 1)), terms=13),
    ]


def window_cases() -> list[Case]:
    same = {"padding": "same"}
    distinct_1d: dict[str, Draw] = {"x": ("distinct", (2, 9, 3))}
    normal_2d: dict[str, Draw] = {"x": ("normal", (2, 7, 6, 2))}
    return [
        conv_op("conv_1d_valid", "conv", (2, 9, 3), (3, 3, 4)),
        conv_op("conv_1d_same_stride2", "conv", (2, 8, 3), (3, 3, 4), strides=2, **same),
        conv_op("conv_1d_dilation2", "conv", (2, 9, 3), (3, 3, 4), dilation_rate=2, **same),
        conv_op("conv_1d_groups2", "conv", (2, 9, 4), (3, 2, 6), strides=2),  # groups follow from the kernel's channels
        conv_op("conv_2d_same_stride2", "conv", (2, 7, 6, 2), (3, 2, 2, 4), strides=(2, 1), **same),
        conv_op("conv_transpose_1d_valid_stride2", "conv_transpose", (2, 5, 3), (3, 4, 3), strides=2),
        conv_op("conv_transpose_1d_same_stride3", "conv_transpose", (2, 5, 3), (2, 4, 3), strides=3, **same),
        conv_op("conv_transpose_2d_valid", "conv_transpose", (2, 4, 3, 2), (3, 3, 4, 2)),
        conv_op("conv_transpose_2d_same_stride2", "conv_transpose", (2, 4, 3, 2), (3, 3, 4, 2), strides=2, **same),
        conv_op("conv_transpose_2d_valid_stride2_even", "conv_transpose", (2, 4, 3, 2), (4, 2, 3, 2), strides=2),
        conv_op("depthwise_conv_same", "depthwise_conv", (2, 6, 5, 3), (3, 3, 3, 2), **same),
        conv_op("depthwise_conv_valid_stride2", "depthwise_conv", (2, 7, 6, 3), (3, 2, 3, 1), strides=2),
        op("max_pool", distinct_1d, "x", 2, name="max_pool_1d", strides=2, exact=True),
        op("max_pool", distinct_1d, "x", 3, name="max_pool_1d_same", strides=2, exact=True, **same),
        op("average_pool", distinct_1d, "x", 2, name="average_pool_1d", strides=1, terms=3),
        op("average_pool", normal_2d, "x", (3, 2), name="average_pool_2d_same", strides=2, terms=7, **same),
    ]


def nn_cases() -> list[Case]:
    x: dict[str, Draw] = {"x": ("normal", (4, 6))}
    probabilities: dict[str, Draw] = {"target": ("one_hot", (5, 4)), "output": ("simplex", (5, 4))}
    scale: dict[str, Draw] = {"gamma": ("positive", (6,)), "beta": ("normal", (6,))}
    return [
        op("softmax", x, rounding=16),
        op("softmax", {"x": ("normal", (2, 3, 4))}, name="softmax_axis1", axis=1, rounding=16),
        op("log_softmax", x, rounding=16),
        op("log_softmax", x, name="log_softmax_axis0", axis=0, rounding=16),
        op("layer_normalization", x | scale, rounding=32),
        op("layer_normalization", x, name="layer_normalization_plain", rounding=32),
        op("layer_normalization", {"x": ("normal", (4, 6))} | scale, name="layer_normalization_epsilon", epsilon=0.01, rounding=32),
        op(
            "batch_normalization",
            {
                "x": ("normal", (3, 4, 2)),
                "mean": ("normal", (2,)),
                "variance": ("positive", (2,)),
                "offset": ("normal", (2,)),
                "scale": ("positive", (2,)),
            },
            "x",
            "mean",
            "variance",
            -1,
            "offset",
            "scale",
            1e-3,
            rounding=32,
        ),
        op("binary_crossentropy", {"target": ("binary", (3, 4)), "output": ("open_unit", (3, 4))}, wrt=("output",), rounding=32),
        op(
            "binary_crossentropy",
            {"target": ("binary", (3, 4)), "output": ("normal", (3, 4))},
            name="binary_crossentropy_logits",
            wrt=("output",),
            from_logits=True,
        ),
        op("categorical_crossentropy", probabilities, wrt=("output",), rounding=16),
        op(
            "categorical_crossentropy",
            {"target": ("one_hot", (5, 4)), "output": ("normal", (5, 4))},
            name="categorical_crossentropy_logits",
            wrt=("output",),
            from_logits=True,
            rounding=16,
        ),
        op("sparse_categorical_crossentropy", {"target": ("labels", (5,), 4), "output": ("simplex", (5, 4))}, wrt=("output",), rounding=16),
        op(
            "sparse_categorical_crossentropy",
            {"target": ("labels", (5,), 4), "output": ("normal", (5, 4))},
            name="sparse_categorical_crossentropy_logits",
            wrt=("output",),
            from_logits=True,
            rounding=16,
        ),
    ]


def loss_cases() -> list[Case]:
    def one(name: str, target: str, true: Draw, pred: Draw, weight: Draw | None = None, float32: bool = True, **kwargs: Any) -> Case:
        inputs = {"y_true": true, "y_pred": pred} | ({"sample_weight": weight} if weight else {})
        return Case(name, "loss", target, inputs, kwargs=kwargs, wrt=("y_pred",), rounding=32, float32=float32)

    mse, bce, cce, sparse = "MeanSquaredError", "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"
    weight: Draw = ("positive", (6,))
    normal, simplex, unit = ("normal", (6, 4)), ("simplex", (6, 4)), ("open_unit", (6, 4))
    binary, one_hot, labels = ("binary", (6, 4)), ("one_hot", (6, 4)), ("labels", (6,), 4)
    logits: dict[str, Any] = {"from_logits": True}
    large: Draw = ("values", [[-100.0, 50.0, 3.0, 0.5], [30.0, 100.0, -2.0, 0.25]])
    cases = [
        one("mse", mse, normal, normal),
        one("mse_column", mse, ("normal", (6, 1)), ("normal", (6, 1))),
        one("mse_3d_weight", mse, ("normal", (2, 3, 4)), ("normal", (2, 3, 4)), ("positive", (2, 3))),
        one("binary", bce, binary, unit),
        one("binary_column", bce, ("binary", (6, 1)), ("open_unit", (6, 1))),
        one("binary_logits", bce, binary, normal, **logits),
        one("binary_smoothing", bce, binary, unit, label_smoothing=0.1),
        one("binary_logits_smoothing", bce, binary, normal, label_smoothing=0.2, **logits),
        one("binary_logits_large", bce, ("values", [[0, 1, 1, 0], [1, 0, 0, 1]]), large, **logits),
        one("categorical", cce, one_hot, simplex),
        one("categorical_unnormalised", cce, one_hot, ("positive", (6, 4))),
        one("categorical_logits", cce, one_hot, normal, **logits),
        one("categorical_smoothing", cce, one_hot, simplex, label_smoothing=0.1),
        one("categorical_logits_smoothing", cce, one_hot, normal, label_smoothing=0.2, **logits),
        one("categorical_soft_targets", cce, simplex, normal, **logits),
        one("categorical_3d", cce, ("one_hot", (2, 3, 4)), ("simplex", (2, 3, 4)), ("positive", (2, 3))),
        one("categorical_logits_large", cce, ("values", [[1, 0, 0, 0], [0, 0, 1, 0]]), large, **logits),
        one("sparse", sparse, labels, simplex),
        one("sparse_logits", sparse, labels, normal, **logits),
        one("sparse_column_labels", sparse, ("labels", (6, 1), 4), simplex),
        one("sparse_3d", sparse, ("labels", (2, 3), 4), ("simplex", (2, 3, 4))),
        one("sparse_logits_large", sparse, ("int_values", [0, 2]), large, **logits),
        # probabilities of exactly 0 and 1 are clipped to [1e-7, 1 - 1e-7]
        one("binary_saturated", bce, ("values", [[1, 0], [1, 0]]), ("values", [[0.0, 0.0], [1.0, 0.5]])),
        # -log(1 - (1 - 1e-7)): 1 - 1e-7 is no float32 (its neighbours are 6e-8 apart), so only float64 has this value
        one("binary_saturated_wrong", bce, ("values", [[0, 1]]), ("values", [[1.0, 0.25]]), float32=False),
        one("categorical_saturated", cce, ("values", [[1, 0, 0], [0, 1, 0]]), ("values", [[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]])),
        one("sparse_saturated", sparse, ("int_values", [0, 1]), ("values", [[0.0, 0.5, 0.5], [0.0, 1.0, 0.0]])),
    ]
    for name, target, true, pred, options in (
        ("mse", mse, normal, normal, {}),
        ("binary", bce, binary, unit, {}),
        ("categorical_logits", cce, one_hot, normal, logits),
        ("categorical", cce, one_hot, simplex, {}),
        ("sparse", sparse, labels, simplex, {}),
        ("sparse_logits", sparse, labels, normal, logits),
    ):
        cases += [
            one(name + "_weight", target, true, pred, weight, **options),
            one(name + "_sum", target, true, pred, reduction="sum", **options),
            one(name + "_none_weight", target, true, pred, weight, reduction="none", **options),
        ]
    return cases
