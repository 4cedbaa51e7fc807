"""The checks of gpudl.testing notice what they are for: each planted mistake is found, in words that help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, backends, config, native, ops, testing
from gpudl.autograd import apply
from gpudl.op import Op, registry
from gpudl.testing import Case, assert_close, check_case, check_grads, check_op, differences, use_kernels

X = np.random.default_rng(0).standard_normal((3, 5))


def same(x: Any, *_: Any) -> Any:
    return ((x.shape, x.dtype),)


@pytest.fixture
def make() -> Iterator[Callable[..., Callable[[Tensor], Tensor]]]:
    """Define an op for one test: make(reference, vjp, ...) returns a function of a tensor."""
    made: list[str] = []

    def define(reference: Any, vjp: Any = None, infer: Any = same, **options: Any) -> Callable[[Tensor], Tensor]:
        record = Op(f"planted_{len(made)}", infer, reference, vjp, **options)
        made.append(record.name)
        return lambda x: apply(record, (x,))

    yield define
    for name in made:
        del registry[name]


def twice_x(xp: Any, y: Any, x: Any) -> None:
    xp.multiply(x, x.dtype.type(2), out=y)


def doubled(ctx: Any, g: Any) -> Any:
    return (ctx.grad(0, registry["multiply"], (g, ops.full_like(g, 2))),)


# comparing ----------------------------------------------------------------------------------------------------------------------


def test_assert_close_counts_in_rounding_units() -> None:
    for dtype, unit in (("f2", 2.0**-11), ("f4", 2.0**-24), ("f8", 2.0**-53)):
        one = np.ones(3, dtype)
        assert_close(one, np.full(3, 1 + 3 * unit), rtol=2, atol=2)
        with pytest.raises(AssertionError, match=r"3 of 3 elements .* off by 6 rounding units \(allowed: 2 \+ 2"):
            assert_close(one, np.full(3, 1 + 6 * unit), rtol=2, atol=2)
    assert_close(Tensor([1.0], dtype="bfloat16"), [1 + 2.0**-8], rtol=1, atol=0)


def test_assert_close_names_the_worst_element() -> None:
    with pytest.raises(AssertionError, match=r"2 of 4 elements .* at \(1, 0\): got np.float32\(3.0\), expected"):
        assert_close(np.array([[1, 2], [3, 4]], "f4"), np.array([[1, 2.5], [5, 4]]))
    with pytest.raises(AssertionError, match=r"shape \(2,\), expected \(1, 2\)"):
        assert_close(np.ones(2, "f4"), np.ones((1, 2)))


def test_assert_close_on_odd_numbers() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0])
    assert_close(odd.astype("f4"), odd)
    assert_close(np.array([np.inf], "f2"), [1e6])
    for got, expected in ((np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (np.inf, 1.0), (1e38, np.inf)):
        with pytest.raises(AssertionError):
            assert_close(np.array([got], "f4"), [expected])
    assert_close(np.zeros((0, 3), "f4"), np.zeros((0, 3)))


def test_assert_close_takes_integers_exactly() -> None:
    assert_close(np.array([1, 2]), np.array([1, 2]))
    assert_close(np.array([True]), np.array([True]))
    with pytest.raises(AssertionError):
        assert_close(np.array([1, 3]), np.array([1, 2]))
    with pytest.raises(AssertionError, match="dtype int64, expected float64"):
        assert_close(np.array([1, 2]), np.array([1.0, 2.0]))


def test_same_bits() -> None:
    testing.assert_same_bits([np.float32(1), None], [np.float32(1), None], "x")
    for a, b in (([np.array([0.0])], [np.array([-0.0])]), ([None], [np.ones(1)]), ([], [np.ones(1)]), ([np.ones(1, "f4")], [np.ones(1)])):
        with pytest.raises(AssertionError):
            testing.assert_same_bits(a, b, "x")


# gradients ----------------------------------------------------------------------------------------------------------------------


def test_right_gradients_pass() -> None:
    check_grads(lambda a, b: ops.tanh(a * b) + a, X, X[0], order=2)
    check_grads(lambda a: (a * 2, ops.exp(a)), X)
    check_grads(lambda a, k: a * ops.cast(k, a.dtype), X, np.arange(5), order=2)
    check_grads(lambda a: ops.zeros((2,), "float64"), X, order=2)


def test_wrong_gradients_are_noticed(make: Any) -> None:
    wrong = make(twice_x, lambda ctx, g: (g,), twice=True)
    with pytest.raises(AssertionError, match=r"gradient .*, differences"):
        check_grads(wrong, X)
    missing = make(twice_x, lambda ctx, g: (None,), twice=True)
    with pytest.raises(AssertionError):
        check_grads(missing, X)


def test_one_wrong_element_is_noticed(make: Any) -> None:
    def vjp(ctx: Any, g: Any) -> Any:
        factor = np.full(g.shape, 2.0)
        factor[1, 2] = 2.001
        return (g * Tensor(factor),)

    with pytest.raises(AssertionError):
        check_grads(make(twice_x, vjp), X)


def test_wrong_second_gradients_are_noticed(make: Any) -> None:
    def cube(xp: Any, y: Any, x: Any) -> None:
        xp.multiply(x, x * x, out=y)

    right = make(cube, lambda ctx, g: (g * ctx.input(0) * ctx.input(0) * 3.0,), saves=(0,), twice=True)
    wrong = make(cube, lambda ctx, g: (g * ctx.input(0) * ctx.input(0).detach() * 3.0,), saves=(0,), twice=True)
    check_grads(right, X, order=2)
    check_grads(wrong, X, order=1)
    with pytest.raises(AssertionError, match="gradient of the gradient"):
        check_grads(wrong, X, order=2)


def test_a_wrong_derivative_by_the_incoming_gradient_is_noticed() -> None:
    def grad_reference(xp: Any, dx: Any, g: Any, x: Any) -> None:
        xp.multiply(g, 2 * x, out=dx)

    def make_square(factor: float) -> Callable[[Tensor], Tensor]:
        def grad_vjp(ctx: Any, gg: Any) -> Any:
            return gg * ctx.input(1) * factor, gg * ctx.input(0) * 2.0

        grad = Op(f"planted_grad_{factor}", same, grad_reference, grad_vjp, saves=(0, 1), twice=True)
        square = Op(
            f"planted_square_{factor}", same, lambda xp, y, x: xp.multiply(x, x, out=y), lambda ctx, g: (apply(grad, (g, ctx.input(0))),),
            saves=(0,), twice=True,
        )  # fmt: skip
        return lambda x: apply(square, (x,))

    try:
        check_grads(make_square(2.0), X, order=2)
        with pytest.raises(AssertionError, match="gradient of the gradient"):
            check_grads(make_square(2.5), X, order=2)
    finally:
        for name in [n for n in registry if n.startswith("planted_")]:
            del registry[name]


def test_kinks_are_named() -> None:
    for at in (0.0, 3e-6):
        with pytest.raises(AssertionError, match="bends sharply there"):
            check_grads(ops.relu, np.array([1.0, at, -1.0]))
    check_grads(ops.relu, np.array([1.0, 0.1, -1.0]))


# the contract -------------------------------------------------------------------------------------------------------------------


def case(function: Any, oracle: Any = lambda x: 2 * x, **options: Any) -> Case:
    return Case("planted", function, lambda rng: [rng.standard_normal((3, 5))], oracle, **options)


def test_a_right_op_passes_everything(make: Any, path: str) -> None:
    check_case(case(make(twice_x, doubled, twice=True)))
    check_op(ops.exp, [X], np.exp)


def planted_value(xp: Any, y: Any, x: Any) -> None:
    xp.multiply(x, x.dtype.type(2), out=y)
    y[0, 0] *= x.dtype.type(1 + 1e-5)


def test_wrong_values_are_noticed(make: Any) -> None:
    with pytest.raises(AssertionError, match="float32, output 0"):
        testing.check_value(case(make(planted_value)))


def test_wrong_dtypes_are_noticed() -> None:
    with pytest.raises(AssertionError, match="output 0 of float64 inputs has dtype float32"):
        testing.check_value(case(lambda x: ops.cast(x, "float32") * 2, dtypes=("float32", "float64")))


def test_wrong_numbers_of_outputs_are_noticed() -> None:
    with pytest.raises(AssertionError, match="2 outputs, the oracle gives 1"):
        testing.check_value(case(lambda x: (x * 2, x)))


def test_float32_gradients_that_are_not_precise_are_noticed(make: Any) -> None:
    def vjp(ctx: Any, g: Any) -> Any:
        rough = ops.cast(ops.cast(g, "float16"), g.dtype) if g.dtype == "float32" else g
        return (rough * 2,)

    with pytest.raises(AssertionError, match="float32, gradient 0"):
        testing.check_gradient(case(make(twice_x, vjp)))


def test_a_false_promise_of_a_second_gradient_is_noticed(make: Any) -> None:
    once = make(twice_x, doubled)
    testing.check_twice(case(once, twice=False))
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        testing.check_twice(case(once))
    with pytest.raises(AssertionError, match="is not refused"):
        testing.check_twice(case(ops.exp, twice=False))


def test_writing_outside_an_output_is_noticed(make: Any) -> None:
    def outside(xp: Any, y: Any, x: Any) -> None:
        twice_x(xp, y, x)
        np.lib.stride_tricks.as_strided(y, (y.size + 1,), (y.itemsize,))[-1] = 0

    with pytest.raises(AssertionError, match="wrote outside an output"):
        testing.check_launches(case(make(outside), dtypes=("float32",)))


def test_elements_left_unwritten_are_noticed(make: Any) -> None:
    def partly(xp: Any, y: Any, x: Any) -> None:
        y[1:] = x[1:] * 2

    with pytest.raises(AssertionError, match="memory of other contents"):
        testing.check_launches(case(make(partly)))


def test_reading_an_output_before_writing_it_is_noticed(make: Any) -> None:
    def adds(xp: Any, y: Any, x: Any) -> None:
        y += x * 2

    with pytest.raises(AssertionError, match="memory of other contents"):
        testing.check_launches(case(make(adds)))


def test_writing_an_input_is_noticed(make: Any) -> None:
    def spoils(xp: Any, y: Any, x: Any) -> None:
        twice_x(xp, y, x)
        x[...] = 1

    with pytest.raises(AssertionError):
        testing.check_value(case(make(spoils)))
    with pytest.raises(AssertionError):
        testing.check_launches(case(make(spoils), dtypes=("float32",)))


def test_results_that_vary_are_noticed(make: Any) -> None:
    rng = np.random.default_rng()

    def noisy(xp: Any, y: Any, x: Any) -> None:
        y[...] = x * 2 * x.dtype.type(1 + 1e-7 * rng.random())

    with pytest.raises(AssertionError):
        testing.check_value(case(make(noisy), dtypes=("float64",), rtol=1e12))


def test_results_that_depend_on_the_layout_are_noticed(make: Any) -> None:
    def by_memory(xp: Any, y: Any, x: Any) -> None:
        y[...] = 2 * (x if x.flags.c_contiguous else x[::-1])

    testing.check_value(case(make(by_memory)))
    with pytest.raises(AssertionError, match="strided inputs"):
        testing.check_layout(case(make(by_memory)))


def test_steps_that_cannot_be_replayed_are_noticed() -> None:
    with pytest.raises(gpudl.errors.CaptureError, match="read on the host"):
        testing.check_replay(case(lambda x: x * float(x.numpy().max() * 0 + 2)))


def test_python_state_that_changes_is_noticed() -> None:
    n = [0]

    def counts(x: Tensor) -> Tensor:
        n[0] += 1
        return ops.leaky_relu(x, 1 / n[0])

    with pytest.raises((AssertionError, gpudl.errors.CaptureError)):
        testing.check_replay(case(counts))


def test_errors_that_do_not_come_are_noticed() -> None:
    right = (lambda: ops.matmul(Tensor([[1.0]]), Tensor([[1.0, 2.0]] * 2)), gpudl.errors.ShapeError, "[matmul]")
    testing.check_errors(case(ops.exp, errors=(right,)))
    for wrong in ((lambda: None, ValueError, ""), (right[0], right[1], "other words")):
        with pytest.raises(AssertionError):
            testing.check_errors(case(ops.exp, errors=(wrong,)))
    with pytest.raises(gpudl.errors.ShapeError):
        testing.check_errors(case(ops.exp, errors=((right[0], KeyError, ""),)))


@pytest.mark.skipif(not native.cpu().loaded, reason="the compiled module is not built here")
def test_compiled_kernels_that_differ_are_noticed() -> None:
    backend = backends.get("cpu")
    with use_kernels("cpu"):
        backend.use({"relu": lambda outs, ins, attrs: outs[0].array.fill(1)})
        with pytest.raises(AssertionError, match=r"\[relu\] compiled against reference"):
            testing.check_launches(case(ops.relu))
    with use_kernels("cpu"):
        found = testing.check_launches(case(ops.relu))
    assert {"relu", "relu_grad"} <= found.compiled <= found.launched


def test_use_kernels_switches_and_puts_back() -> None:
    backend = backends.get("cpu")
    before, version = backend.table, config.version
    with use_kernels("numpy"):
        assert backend.name == "numpy" and not backend.table and config.version > version
    assert backend.table is before
    with pytest.raises(gpudl.errors.BackendError, match="no path 'gpu'"), use_kernels("gpu"):
        pass
    assert backend.table is before


def test_every_layout_is_what_it_says() -> None:
    for layout in differences.LAYOUTS:
        t = differences.laid_out(X, layout)
        assert np.array_equal(t.numpy(), X) and not t.array.flags.c_contiguous
        assert differences.laid_out(np.array(2.5), layout).item() == 2.5
        assert differences.laid_out(np.zeros((0, 3)), layout).shape == (0, 3)
