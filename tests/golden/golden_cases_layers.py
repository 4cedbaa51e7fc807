"""List the golden cases of layers, activation functions, regularizers, optimizers and initializers."""

from __future__ import annotations

from typing import Any

from golden_cases import Case, Draw


def conv2d(name: str, x: tuple[int, ...], filters: int, kernel: tuple[int, int], **kwargs: Any) -> Case:
    channels = x[1] if kwargs.get("data_format") == "channels_first" else x[-1]
    groups = kwargs.get("groups", 1)
    inputs: dict[str, Draw] = {"x": ("normal", x), "kernel": ("normal", (*kernel, channels // groups, filters))}
    if kwargs.get("use_bias", True):
        inputs["bias"] = ("normal", (filters,))
    weights = tuple(key for key in inputs if key != "x")
    # longest sum: an output adds R*S*C products and the bias, a weight's gradient at most N*P*Q, an input's at most R*S*K
    spatial = x[0] * (x[2] * x[3] if kwargs.get("data_format") == "channels_first" else x[1] * x[2])
    terms = max(kernel[0] * kernel[1] * max(channels // groups, filters // groups), spatial) + 1
    return Case(
        name,
        "layer",
        "Conv2D",
        inputs,
        kwargs={"filters": filters, "kernel_size": kernel, **kwargs},
        weights=weights,
        wrt=("x", *weights),
        terms=terms,
    )


def pool2d(target: str, name: str, x: tuple[int, ...], **kwargs: Any) -> Case:
    inputs: dict[str, Draw] = {"x": ("distinct" if target.startswith("Max") else "normal", x)}
    # an input lies in at most 9 windows (pool 3x3), an average adds at most H*W values
    terms = 10 if target != "GlobalAveragePooling2D" else x[1] * x[2] + 1
    if target.startswith("Max"):  # not linear; picks values, and its gradient adds at most 9 of them
        return Case(name, "layer", target, inputs, kwargs=kwargs, wrt=("x",), rounding=8, exact=True)
    return Case(name, "layer", target, inputs, kwargs=kwargs, wrt=("x",), terms=terms)


def batch_norm(name: str, x: tuple[int, ...], training: bool, **kwargs: Any) -> Case:
    channels = (x[kwargs.get("axis", -1)],)
    inputs: dict[str, Draw] = {"x": ("normal", x)}
    if kwargs.get("scale", True):
        inputs["gamma"] = ("positive", channels)
    if kwargs.get("center", True):
        inputs["beta"] = ("normal", channels)
    inputs |= {"moving_mean": ("normal", channels), "moving_variance": ("positive", channels)}
    weights = tuple(key for key in inputs if key != "x")
    # statistics over N*H*W values: a sum's rounding, about sqrt(N*H*W) units, meets values several times the deviation;
    # at most 6 such steps follow
    return Case(
        name,
        "layer",
        "BatchNormalization",
        inputs,
        kwargs=kwargs,
        weights=weights,
        state=2,
        wrt=("x", *weights[:-2]),
        training=training,
        rounding=32,
    )


def layer_cases() -> list[Case]:
    first = {"data_format": "channels_first"}
    cases = [
        Case(
            "dense",
            "layer",
            "Dense",
            {"x": ("normal", (5, 7)), "kernel": ("normal", (7, 4)), "bias": ("normal", (4,))},
            kwargs={"units": 4},
            weights=("kernel", "bias"),
            wrt=("x", "kernel", "bias"),
            terms=8,
        ),
        Case(
            "dense_no_bias",
            "layer",
            "Dense",
            {"x": ("normal", (5, 7)), "kernel": ("normal", (7, 4))},
            kwargs={"units": 4, "use_bias": False},
            weights=("kernel",),
            wrt=("x", "kernel"),
            terms=8,
        ),
        Case(
            "dense_3d",
            "layer",
            "Dense",
            {"x": ("normal", (2, 3, 7)), "kernel": ("normal", (7, 4)), "bias": ("normal", (4,))},
            kwargs={"units": 4},
            weights=("kernel", "bias"),
            wrt=("x", "kernel", "bias"),
            terms=8,
        ),
        Case(
            "dense_one_unit",
            "layer",
            "Dense",
            {"x": ("normal", (1, 1)), "kernel": ("normal", (1, 1)), "bias": ("normal", (1,))},
            kwargs={"units": 1},
            weights=("kernel", "bias"),
            wrt=("x", "kernel", "bias"),
            terms=2,
        ),
        Case(
            "dense_tanh",
            "layer",
            "Dense",
            {"x": ("normal", (5, 7)), "kernel": ("normal", (7, 4)), "bias": ("normal", (4,))},
            kwargs={"units": 4, "activation": "tanh"},
            weights=("kernel", "bias"),
            wrt=("x", "kernel", "bias"),
            rounding=16,
        ),
        Case(
            "dense_softmax",
            "layer",
            "Dense",
            {"x": ("normal", (5, 7)), "kernel": ("normal", (7, 4)), "bias": ("normal", (4,))},
            kwargs={"units": 4, "activation": "softmax"},
            weights=("kernel", "bias"),
            wrt=("x", "kernel", "bias"),
            rounding=16,
        ),
        conv2d("conv2d_valid", (2, 7, 6, 2), 3, (3, 3)),
        conv2d("conv2d_same", (2, 5, 6, 2), 3, (3, 3), padding="same"),
        conv2d("conv2d_same_stride2_odd", (2, 7, 5, 2), 3, (3, 3), padding="same", strides=2),
        conv2d("conv2d_same_stride2_even", (2, 8, 6, 2), 3, (3, 3), padding="same", strides=2),
        conv2d("conv2d_valid_stride2", (2, 8, 7, 2), 3, (3, 3), strides=2),
        conv2d("conv2d_same_dilation2", (2, 7, 6, 2), 3, (3, 3), padding="same", dilation_rate=2),
        conv2d("conv2d_valid_dilation2", (2, 7, 6, 2), 3, (3, 3), dilation_rate=(2, 1)),
        conv2d("conv2d_groups2", (2, 4, 5, 4), 6, (3, 3), padding="same", groups=2),
        conv2d("conv2d_channels_first", (2, 2, 6, 7), 3, (3, 3), padding="same", strides=2, **first),
        conv2d("conv2d_channels_first_groups2_dilation2", (2, 4, 4, 6), 6, (2, 3), groups=2, dilation_rate=2, **first),
        conv2d("conv2d_no_bias_rectangular", (2, 9, 5, 2), 3, (5, 2), strides=(2, 1), use_bias=False),
        conv2d("conv2d_1x1_stride2", (2, 5, 7, 2), 3, (1, 1), strides=2),
        conv2d("conv2d_even_kernel_same", (2, 5, 6, 2), 3, (4, 4), padding="same"),
        conv2d("conv2d_stride_above_kernel_same", (2, 7, 8, 2), 3, (2, 2), padding="same", strides=3),
        conv2d("conv2d_one_pixel_same", (1, 1, 1, 2), 3, (3, 3), padding="same"),
        conv2d("conv2d_kernel_equals_input", (2, 4, 4, 2), 3, (4, 4)),
    ]
    for target, short in (("MaxPooling2D", "max_pool"), ("AveragePooling2D", "average_pool")):
        cases += [
            pool2d(target, short + "_2x2_odd_valid", (2, 7, 5, 2), pool_size=2),
            pool2d(target, short + "_2x2_odd_same", (2, 7, 5, 2), pool_size=2, padding="same"),
            pool2d(target, short + "_3x3_stride2_valid", (2, 7, 8, 2), pool_size=3, strides=2),
            pool2d(target, short + "_3x3_stride2_same_even", (2, 8, 6, 2), pool_size=3, strides=2, padding="same"),
            pool2d(target, short + "_3x3_stride2_same_odd", (2, 7, 5, 2), pool_size=3, strides=2, padding="same"),
            pool2d(target, short + "_rectangular", (2, 6, 7, 2), pool_size=(2, 3), strides=(1, 2)),
            pool2d(target, short + "_stride_above_pool", (2, 8, 8, 2), pool_size=2, strides=3),
            pool2d(target, short + "_channels_first", (2, 2, 7, 6), pool_size=3, strides=2, padding="same", **first),
        ]
    cases += [
        pool2d("GlobalAveragePooling2D", "global_average_pool", (2, 5, 4, 3)),
        pool2d("GlobalAveragePooling2D", "global_average_pool_keepdims", (2, 5, 4, 3), keepdims=True),
        pool2d("GlobalAveragePooling2D", "global_average_pool_channels_first", (2, 3, 5, 4), **first),
        batch_norm("batch_norm_2d_training", (9, 4), True),
        batch_norm("batch_norm_2d_inference", (9, 4), False),
        batch_norm("batch_norm_4d_training", (3, 4, 5, 3), True, momentum=0.9, epsilon=1e-5),
        batch_norm("batch_norm_4d_inference", (3, 4, 5, 3), False, momentum=0.9, epsilon=1e-5),
        batch_norm("batch_norm_axis1_training", (3, 3, 4, 5), True, axis=1, momentum=0.5),
        batch_norm("batch_norm_no_scale", (9, 4), True, scale=False),
        batch_norm("batch_norm_no_center", (9, 4), True, center=False),
        batch_norm("batch_norm_plain_inference", (9, 4), False, center=False, scale=False),
        Case("flatten", "layer", "Flatten", {"x": ("normal", (2, 3, 2, 4))}, wrt=("x",), terms=1, exact=True),
        Case("flatten_channels_first", "layer", "Flatten", {"x": ("normal", (2, 3, 2, 4))}, kwargs=first, wrt=("x",), terms=1, exact=True),
        Case(
            "reshape", "layer", "Reshape", {"x": ("normal", (2, 3, 4))}, kwargs={"target_shape": (2, -1)}, wrt=("x",), terms=1, exact=True
        ),
        Case("activation_layer", "layer", "Activation", {"x": ("away_from_zero", (3, 5))}, kwargs={"activation": "elu"}, wrt=("x",)),
        Case("relu_layer", "layer", "ReLU", {"x": ("away_from_zero", (3, 5))}, wrt=("x",)),
        Case(
            "relu_layer_options",
            "layer",
            "ReLU",
            {"x": ("values", [-3.0, -1.0, 0.2, 0.9, 1.1, 1.9, 2.2, 7.0])},
            kwargs={"max_value": 2.0, "negative_slope": 0.25, "threshold": 1.0},
            wrt=("x",),
        ),
        Case("leaky_relu_layer", "layer", "LeakyReLU", {"x": ("away_from_zero", (3, 5))}, wrt=("x",)),
        Case(
            "leaky_relu_layer_slope", "layer", "LeakyReLU", {"x": ("away_from_zero", (3, 5))}, kwargs={"negative_slope": 0.01}, wrt=("x",)
        ),
        Case("softmax_layer", "layer", "Softmax", {"x": ("normal", (3, 5))}, wrt=("x",), rounding=16),
        Case("softmax_layer_axis1", "layer", "Softmax", {"x": ("normal", (2, 3, 4))}, kwargs={"axis": 1}, wrt=("x",), rounding=16),
    ]
    return cases + activation_cases() + regularizer_cases()


# Saturation on both sides, the neighbourhood of 0 (not 0 itself: conventions differ at a kink) and ordinary values.
GRID = [-100.0, -20.0, -5.5, -3.5, -2.5, -1.5, -1.0, -0.5, -0.1, -1e-3, -1e-6, 1e-6, 1e-3, 0.1, 0.5, 1.0, 1.5, 2.5, 3.5, 5.5, 20.0, 100.0]


def activation_cases() -> list[Case]:
    def one(target: str, name: str | None = None, values: list[float] | None = None, **kwargs: Any) -> Case:
        return Case(
            "activation_" + (name or target),
            "activation",
            target,
            {"x": ("values", values or GRID)},
            kwargs=kwargs,
            wrt=("x",),
            elementwise=True,
            rounding=16,
        )

    plain = [
        "linear",
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "softplus",
        "softsign",
        "sigmoid",
        "tanh",
        "silu",
        "hard_sigmoid",
        "log_sigmoid",
    ]
    cases = [one(target) for target in plain]
    cases += [
        one("exponential", values=[v for v in GRID if abs(v) <= 20.0]),
        one("gelu", "gelu_tanh", approximate=True),
        one("elu", "elu_alpha", alpha=0.3),
        one("leaky_relu", "leaky_relu_slope", negative_slope=0.05),
        one("relu", "relu_options", max_value=4.0, negative_slope=0.1, threshold=0.7),
        one("relu", "relu_at_zero", values=[0.0, -0.0, 1.0]),
    ]
    rows: list[list[float]] = [[1.0, 2.0, 3.0, 4.5], [-100.0, 0.5, 100.0, 99.5], [0.25, 0.25, 0.25, 0.25], [-3.0, -90.0, -91.0, -2.5]]
    for target in ("softmax", "log_softmax"):
        cases += [
            Case(f"activation_{target}", "activation", target, {"x": ("values", rows)}, wrt=("x",), elementwise=True, rounding=16),
            Case(
                f"activation_{target}_axis0",
                "activation",
                target,
                {"x": ("normal", (3, 4))},
                kwargs={"axis": 0},
                wrt=("x",),
                elementwise=True,
                rounding=16,
            ),
        ]
    return cases


def regularizer_cases() -> list[Case]:
    def one(name: str, target: str, **kwargs: Any) -> Case:
        return Case("regularizer_" + name, "regularizer", target, {"x": ("away_from_zero", (4, 6))}, kwargs=kwargs, wrt=("x",), rounding=16)

    return [
        one("l1", "L1", l1=0.03),
        one("l1_default", "L1"),
        one("l2", "L2", l2=0.07),
        one("l2_default", "L2"),
        one("l1_l2", "L1L2", l1=0.03, l2=0.07),
    ]


STEPS = 6  # length of an optimizer's trajectory


def optimizer_cases() -> list[Case]:
    def one(name: str, target: str, **kwargs: Any) -> Case:
        inputs: dict[str, Draw] = {"a": ("normal", (3, 4)), "b": ("normal", (5,))}
        for step in range(STEPS):
            inputs[f"grad_a_{step}"] = ("normal", (3, 4))
            inputs[f"grad_b_{step}"] = ("values", [0.0, 1e-6, -1e-3, 0.5, -20.0 / (step + 1)])  # zero, tiny and large gradients
        # each step adds one update, itself rounded about ten times; the parameters are of order 1 and the updates below it
        return Case("optimizer_" + name, "optimizer", target, inputs, kwargs=kwargs, rounding=2 * STEPS)

    return [
        one("sgd", "SGD", learning_rate=0.1),
        one("sgd_default", "SGD"),
        one("sgd_momentum", "SGD", learning_rate=0.05, momentum=0.9),
        one("sgd_nesterov", "SGD", learning_rate=0.05, momentum=0.9, nesterov=True),
        one("adam_default", "Adam"),
        one("adam", "Adam", learning_rate=0.05, beta_1=0.8, beta_2=0.95),
        one("adam_epsilon", "Adam", learning_rate=0.05, epsilon=0.01),  # large enough to tell where epsilon stands
        one("adam_amsgrad", "Adam", learning_rate=0.05, beta_2=0.9, amsgrad=True),
        one("adadelta_default", "Adadelta"),
        one("adadelta_rate1", "Adadelta", learning_rate=1.0, rho=0.95),
        one("adadelta_epsilon", "Adadelta", learning_rate=1.0, rho=0.9, epsilon=0.01),
    ]


# class, arguments, shape; make_golden.py derives the distribution of the values and checks it against Keras' own draws
INITIALIZERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("GlorotUniform", {}, (120, 80)),
    ("GlorotUniform", {}, (3, 3, 16, 64)),
    ("GlorotNormal", {}, (120, 80)),
    ("GlorotNormal", {}, (3, 3, 16, 64)),
    ("HeUniform", {}, (120, 80)),
    ("HeUniform", {}, (3, 5, 10, 60)),
    ("HeNormal", {}, (120, 80)),
    ("HeNormal", {}, (3, 5, 10, 60)),
    ("TruncatedNormal", {}, (100, 90)),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 0.2}, (100, 90)),
    ("RandomNormal", {}, (100, 90)),
    ("RandomNormal", {"mean": -1.0, "stddev": 2.0}, (100, 90)),
    ("RandomUniform", {}, (100, 90)),
    ("RandomUniform", {"minval": -0.2, "maxval": 0.7}, (100, 90)),
]
