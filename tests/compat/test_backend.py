"""`gpudl.backend`: what custom losses and callbacks of older scripts call, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import backend as K

R = np.random.default_rng(0)
A, B = R.normal(size=(2, 3, 4)).astype("f4"), R.normal(size=(2, 4, 5)).astype("f4")


@pytest.mark.parametrize(
    ("x", "y", "axes", "expected"),
    [
        (A, B, None, np.einsum("nij,njk->nik", A, B)),
        (A, B, (2, 1), np.einsum("nij,njk->nik", A, B)),
        (A, A, 1, np.einsum("nij,nik->njk", A, A)),
        (A, A, [2, 2], np.einsum("nij,nkj->nik", A, A)),
        (A[:, :, 0], A[:, :, 1], 1, (A[:, :, 0] * A[:, :, 1]).sum(1, keepdims=True)),
    ],
)
def test_products_for_each_example(x: Any, y: Any, axes: Any, expected: Any) -> None:
    np.testing.assert_allclose(K.eval(K.batch_dot(x, y, axes=axes)), expected, rtol=1e-5)


def test_values() -> None:
    x = K.constant(A)
    for found, expected in (
        (K.flatten(x), A.ravel()),
        (K.batch_flatten(x), A.reshape(2, -1)),
        (K.permute_dimensions(x, (2, 0, 1)), A.transpose(2, 0, 1)),
        (K.reverse(x, [0, 2]), A[::-1, :, ::-1]),
        (K.repeat(x[0], 3), np.repeat(A[0][:, None], 3, 1)),
        (K.repeat_elements(x, 2, 1), A.repeat(2, 1)),
        (K.gather(x, [1, 0]), A[[1, 0]]),
        (K.concatenate([x, x]), np.concatenate([A, A], -1)),
        (K.switch(K.greater(x, 0), lambda: x, lambda: -x), np.abs(A)),
        (K.l2_normalize(x, axis=2), A / np.linalg.norm(A, axis=2, keepdims=True)),
        (K.pow(x, 2), A * A),
        (K.relu(x, alpha=0.1, max_value=1.0), np.where(A > 0, np.minimum(A, 1), 0.1 * A)),
        (K.bias_add(x, [1, 2, 3, 4]), A + [1, 2, 3, 4]),
        (K.bias_add(x, [1, 2, 3], "channels_first"), A + np.array([1, 2, 3])[:, None]),
        (K.mean(x, axis=(0, 2)), A.mean((0, 2))),
        (K.clip(x, -0.5, 0.5), A.clip(-0.5, 0.5)),
        (K.constant(2, shape=(2, 2)), np.full((2, 2), 2)),
        (K.constant([1, 2, 3, 4], shape=(2, 2)), [[1, 2], [3, 4]]),
        (K.zeros((2, 1)), np.zeros((2, 1))),
        (K.ones(3), np.ones(3)),
    ):
        np.testing.assert_allclose(K.eval(found), expected, rtol=1e-5, atol=1e-7)
    assert K.dtype(K.constant([1, 2])) == "float32" and K.count_params(x) == 24 and K.int_shape(x) == (2, 3, 4)
    assert K.cast_to_floatx([1, 2]).dtype == np.float32 and K.is_keras_tensor(x) and not K.is_keras_tensor(A)


def test_images() -> None:
    x = K.constant(R.normal(size=(1, 6, 6, 2)))
    kernel = K.constant(R.normal(size=(3, 3, 2, 4)))
    np.testing.assert_array_equal(K.eval(K.conv2d(x, kernel, padding="same")), gpudl.ops.conv(x, kernel, 1, "same").numpy())
    np.testing.assert_array_equal(K.eval(K.pool2d(x, (2, 2), (2, 2), pool_mode="avg")), gpudl.ops.average_pool(x, 2, 2).numpy())
    assert K.resize_images(x, 2, 3, "channels_last").shape == (1, 12, 18, 2)
    with pytest.raises(ValueError, match="pool_mode='mean'"):
        K.pool2d(x, (2, 2), pool_mode="mean")


def test_variables() -> None:
    v = K.variable(np.zeros(2), name="v")
    K.update(v, [1.0, 2.0])
    K.update_add(v, 1.0)
    K.update_sub(v, [0.0, 1.0])
    assert K.get_value(v).tolist() == [2, 2]
    K.moving_average_update(v, K.constant([4.0, 0.0]), 0.5)
    assert K.batch_get_value([v])[0].tolist() == [3, 1]
    K.batch_set_value([(v, [0.0, 0.0])])
    assert K.eval(v).tolist() == [0, 0] and K.get_value(3) == 3
    with pytest.raises(TypeError, match="a variable is expected"):
        K.set_value(3, 4)


def test_gradients() -> None:
    w = gpudl.Variable([1.0, 2.0])
    loss = K.sum(K.square(w))
    (found,) = K.gradients(loss, [w])
    assert found.tolist() == [2, 4]


def test_training_and_random_numbers() -> None:
    seen: list[int] = []
    layer = gpudl.layers.Lambda(lambda x: seen.append(K.learning_phase()) or K.in_train_phase(x * 2, lambda: x))
    x = np.ones((1, 2), "f4")
    assert layer(x, training=True).tolist() == [[2, 2]] and layer(x).tolist() == [[1, 1]] and seen == [1, 0]
    for name in ("random_normal", "random_uniform", "truncated_normal"):
        assert getattr(K, name)((2, 3)).shape == (2, 3)
    assert set(np.unique(K.eval(K.random_binomial((50,), 0.5)))) == {0.0, 1.0} and K.dropout(K.ones(8), 0.5).shape == (8,)
    assert K.get_uid("a") + 1 == K.get_uid("a")


def test_what_belongs_to_graphs_says_what_to_write() -> None:
    for call, words in (
        (K.placeholder, "write a function"),
        (K.function, "gpudl.capture"),
        (lambda: K.set_learning_phase(1), "training=True"),
    ):
        with pytest.raises(NotImplementedError, match=words):
            call()


def test_layouts_in_the_words_of_keras_1() -> None:
    K.set_image_dim_ordering("th")
    assert K.image_data_format() == "channels_first" and K.image_dim_ordering() == "th"
