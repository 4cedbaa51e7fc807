"""A Tensor feels like an array of NumPy and a tensor of PyTorch: what goes in, what comes out, operators, indexing, methods."""

from __future__ import annotations

import copy
import operator
import pickle
import weakref

import ml_dtypes
import numpy as np
import pytest

import gpudl
from gpudl import Tensor, ops
from gpudl.errors import DTypeError, ShapeError

X = np.random.default_rng(1).standard_normal((3, 4)).astype("f4")
Y = np.random.default_rng(2).standard_normal((3, 4)).astype("f4") + 3


def same(t: Tensor, expected: object) -> None:
    """Equal in value and shape; 1e-6 for float32."""
    np.testing.assert_allclose(t.numpy(), expected, rtol=2e-6, atol=1e-6)
    assert t.shape == np.shape(expected)


# what goes in -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        X.astype(">f4"),
        np.asfortranarray(X),
        X[::-1, ::-2],
        X.T,
        np.broadcast_to(X[:1], (5, 4)),
        np.float32(2.5),
        np.array(2.5),
        np.zeros((0, 3), "f4"),
        np.zeros((2, 0, 3), "f4"),
        np.ones((1,) * 9, "f4"),
        np.arange(2**9, dtype="i4").reshape((2,) * 9),
        np.array([np.nan, np.inf, -np.inf, -0.0], "f4"),
        np.array([True, False]),
        np.array([2**40, -1]),
        np.array([1, 200], ">u2"),
        np.array([1.5, 2.5], "f2"),
        np.array([1.5, 2.5], ml_dtypes.bfloat16),
    ],
    ids=lambda a: f"{a.dtype.str}{a.shape}",
)
def test_every_kind_of_array_is_taken_by_copy(array: np.ndarray) -> None:
    t = Tensor(array)
    assert t.shape == np.shape(array) and t.dtype.isnative and t.ndim == np.ndim(array) and t.size == np.size(array)
    assert t.array.flags.c_contiguous and t.array.flags.writeable
    assert not np.shares_memory(t.array, array)
    assert t.numpy().tobytes() == np.ascontiguousarray(array, t.dtype).tobytes()


def test_big_endian_values_arrive_as_values() -> None:
    """Pitfall 7: the bytes of a foreign order must not reach a kernel."""
    same(Tensor(X.astype(">f4")) + 1, X + 1)
    same(Tensor(X.astype(">f8")).astype("float32"), X)


def test_a_read_only_array_is_taken() -> None:
    array = X.copy()
    array.flags.writeable = False
    same(Tensor(array), X)


def test_the_source_may_change_afterwards() -> None:
    array = X.copy()
    t = Tensor(array)
    array[...] = 0
    same(t, X)


def test_tensors_lists_and_objects_with_array_are_taken() -> None:
    class Frame:
        def __array__(self, dtype=None, copy=None):
            return X

    same(Tensor(Frame()), X)
    same(Tensor(Tensor(X)), X)
    same(Tensor([Tensor(X[0]), Tensor(X[1])]), X[:2])
    same(Tensor([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    same(Tensor(range(3)), [0, 1, 2])
    assert Tensor([]).shape == (0,)


@pytest.mark.parametrize(
    "value",
    ["text", ["a", "b"], [[1, 2], [3]], object(), None, 1j, np.array([1j]), np.array(["2020-01-01"], "M8[D]"), np.array([object()]),
     {"a": 1}, np.zeros(2, [("a", "f4")])],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_refused(value: object) -> None:
    with pytest.raises(DTypeError):
        Tensor(value)  # type: ignore[arg-type]


def test_unknown_dtypes_are_refused_by_name() -> None:
    with pytest.raises(DTypeError, match=r"'float8' is not a number type of gpudl\. Expected one of"):
        Tensor([1.0], dtype="float8")


def test_requires_grad_of_integers_is_refused() -> None:
    with pytest.raises(DTypeError, match="only floating-point tensors can require a gradient"):
        Tensor([1, 2], requires_grad=True)
    t = Tensor([1, 2])
    with pytest.raises(DTypeError, match="int32"):
        t.requires_grad = True
    assert not t.requires_grad


def test_dtype_and_device_arguments() -> None:
    t = Tensor([1, 2], dtype="float64", device="cpu", requires_grad=True)
    assert t.dtype == "float64" and t.device == "cpu" and t.requires_grad and t.is_leaf
    assert gpudl.tensor([1, 2], dtype=np.float16).dtype == "float16"
    with pytest.raises(ValueError, match=r"expected 'cpu', 'cuda' or 'cuda:<number>'\. Received: 'tpu'"):
        Tensor([1.0], device="tpu")


# what comes out -----------------------------------------------------------------------------------------------------------------


def test_numpy_copies() -> None:
    t = Tensor(X)
    out = t.numpy()
    out[...] = 0
    same(t, X)
    assert t.numpy() is not t.numpy()


def test_array_protocol() -> None:
    t = Tensor(X)
    assert isinstance(np.asarray(t), np.ndarray) and np.asarray(t, "f8").dtype == "f8"
    assert not np.shares_memory(np.asarray(t), t.array)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(t, copy=False)


def test_item_and_conversions() -> None:
    t = Tensor([[2.5]])
    assert t.item() == float(t) == 2.5 and int(t) == 2 and isinstance(t.item(), float)
    assert Tensor(3).item() == 3 and isinstance(Tensor(3).item(), int) and Tensor(True).item() is True
    assert Tensor(X).tolist() == X.tolist()
    assert f"{Tensor(2.5):.2f}" == "2.50"
    assert [10, 20, 30][Tensor(1)] == 20
    with pytest.raises(ValueError, match=r"item\(\) needs a tensor of one element. Received: shape \(3, 4\)"):
        Tensor(X).item()
    with pytest.raises(TypeError, match="only integer tensors can be an index"):
        operator.index(Tensor(1.0))


def test_truth() -> None:
    assert Tensor(1.0) and not Tensor([0]) and Tensor([[True]])
    for t in (Tensor([1, 2]), Tensor([])):
        with pytest.raises(ValueError, match=r"ambiguous; use any\(\) or all\(\)"):
            bool(t)


def test_len_and_iteration() -> None:
    t = Tensor(X)
    assert len(t) == 3
    for row, expected in zip(t, X):
        same(row, expected)
    _a, b, _c = t
    same(b, X[1])
    for wrong in (len, list):
        with pytest.raises(TypeError):
            wrong(Tensor(1.0))
    assert list(Tensor(np.zeros((0, 2), "f4"))) == []


def test_repr() -> None:
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.], dtype=float32)"
    assert repr(Tensor([1.0], requires_grad=True)) == "Tensor([1.], dtype=float32, requires_grad=True)"
    assert repr(Tensor(np.zeros((0, 3), "f4"))) == "Tensor([], shape=(0, 3), dtype=float32)"
    assert repr(Tensor([1.5], dtype="bfloat16")) == "Tensor([1.5], dtype=bfloat16)"
    assert repr(gpudl.Variable([1.0], name="w")) == "Variable('w', [1.], dtype=float32)"
    assert "..." in repr(Tensor(np.zeros(5000)))
    assert str(Tensor(2)) == "Tensor(2, dtype=int32)"


def test_dlpack_both_ways() -> None:
    t = Tensor(X)
    same(gpudl.from_dlpack(X), X)
    same(gpudl.from_dlpack(t), X)
    same(gpudl.from_dlpack(X.T), X.T)
    shared = np.from_dlpack(t)
    assert np.shares_memory(shared, t.array) and shared.tolist() == X.tolist()
    mine = X.copy()
    taken = gpudl.from_dlpack(mine)
    mine[...] = 0
    same(taken, X)
    assert gpudl.from_dlpack(np.arange(3)).dtype == "int64"


def test_dlpack_refuses_what_it_cannot_take() -> None:
    class Elsewhere:
        def __dlpack__(self, **_):
            raise AssertionError("not asked for")

        def __dlpack_device__(self):
            return (10, 0)

    with pytest.raises(gpudl.errors.BackendError, match="device type 10"):
        gpudl.from_dlpack(Elsewhere())
    with pytest.raises(TypeError, match=r"an array that offers DLPack is expected\. Received: list"):
        gpudl.from_dlpack([1.0])
    with pytest.raises(DTypeError, match="complex64"):
        gpudl.from_dlpack(np.zeros(2, "c8"))


@pytest.mark.oracle
def test_dlpack_with_torch() -> None:
    torch = pytest.importorskip("torch")
    t = Tensor(X)
    assert torch.from_dlpack(t).tolist() == X.tolist()
    same(gpudl.from_dlpack(torch.tensor(X).T), X.T)
    with pytest.raises(DTypeError, match=r"requires? grad"):
        gpudl.from_dlpack(torch.ones(2, requires_grad=True))


def test_copies() -> None:
    t = Tensor(X, requires_grad=True)
    twin = copy.deepcopy(t)
    assert twin.requires_grad and twin is not t and twin.storage is not t.storage
    same(twin, X)
    with pytest.raises(RuntimeError, match=r"use detach\(\)"):
        copy.deepcopy(t * 2)


def test_pickling_keeps_values() -> None:
    for t in (Tensor(X), Tensor(X, requires_grad=True), Tensor([1, 2])):
        again = pickle.loads(pickle.dumps(t))
        assert again.tolist() == t.tolist() and again.dtype == t.dtype and again.requires_grad == t.requires_grad
    w = pickle.loads(pickle.dumps(gpudl.Variable([1.0], name="w", trainable=False)))
    assert isinstance(w, gpudl.Variable) and w.name == "w" and not w.trainable and w.tolist() == [1.0]


def test_tensors_can_be_keys_and_are_weakly_referable() -> None:
    t = Tensor(X)
    assert {t: 1}[t] == 1
    ref = weakref.ref(t)
    del t
    assert ref() is None


# operators ----------------------------------------------------------------------------------------------------------------------

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", BINARY)
def test_binary_operators(name: str, path: str) -> None:
    f = getattr(operator, name)
    a, b = (np.abs(X) + 0.5, Y) if name != "matmul" else (X, Y.T.copy())
    same(f(Tensor(a), Tensor(b)), f(a, b))
    same(f(Tensor(a), b), f(a, b))
    same(f(a, Tensor(b)), f(a, b))
    if name != "matmul":
        same(f(Tensor(a), 2), f(a, 2))
        same(f(2, Tensor(a)), f(2, a))
        same(f(Tensor(a), 2.5), f(a, 2.5))
        same(f(2.5, Tensor(a)), f(2.5, a))
        same(f(Tensor(a), Tensor(b[0])), f(a, b[0]))
        same(f(Tensor(a[:, :1]), Tensor(b[0])), f(a[:, :1], b[0]))
        same(f(Tensor(a), [1.0, 2.0, 3.0, 4.0]), f(a, np.array([1, 2, 3, 4], "f4")))
        same(f(Tensor(a), np.float32(2)), f(a, np.float32(2)))


@pytest.mark.parametrize("name", COMPARE)
def test_comparisons(name: str, path: str) -> None:
    f = getattr(operator, name)
    a, b = np.array([1, 2, np.nan, 4], "f4"), np.array([1, 3, np.nan, 2], "f4")
    for left, right in ((Tensor(a), Tensor(b)), (Tensor(a), b), (a, Tensor(b))):
        got = f(left, right)
        assert got.dtype == "bool" and got.tolist() == f(a, b).tolist()
    assert f(Tensor(a), 2).tolist() == f(a, 2).tolist()
    assert f(Tensor([1, 2, 3]), 2.5).tolist() == f(np.array([1, 2, 3]), 2.5).tolist(), "integers against a float"
    assert f(2, Tensor(a)).tolist() == f(2, a).tolist()


def test_equality_with_what_is_no_number() -> None:
    assert (Tensor([1.0]) == None) is False  # noqa: E711
    assert (Tensor([1.0]) != None) is True  # noqa: E711
    assert (Tensor([1.0]) == "text") is False


def test_unary_operators(path: str) -> None:
    same(-Tensor(X), -X)
    same(+Tensor(X), X)
    same(abs(Tensor(X)), abs(X))
    assert (~Tensor([True, False])).tolist() == [False, True]
    assert (~Tensor([1, 2])).tolist() == [-2, -3]


def test_logical_operators(path: str) -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    for name in ("and_", "or_", "xor"):
        f = getattr(operator, name)
        assert f(Tensor(a), Tensor(b)).tolist() == f(a, b).tolist()
        assert f(Tensor([6, 5]), Tensor([3, 1])).tolist() == f(np.array([6, 5]), np.array([3, 1])).tolist()


def test_augmented_assignment_binds_a_new_tensor(path: str) -> None:
    a = b = Tensor(X)
    a += 1
    same(a, X + 1)
    same(b, X)
    a *= 2
    same(a, (X + 1) * 2)


def test_item_assignment_is_refused() -> None:
    t = Tensor(X)
    with pytest.raises(TypeError, match="slice_update"):
        t[0] = 1
    same(t, X)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match=r"\[add\] shapes \(3, 4\) and \(3,\) do not broadcast"):
        Tensor(X) + Tensor([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match=r"\[matmul\].*Received"):
        Tensor(X) @ Tensor(X)


def test_nan_and_inf_are_values(path: str) -> None:
    """No warning, no error: warnings are errors in these tests."""
    a = Tensor([1.0, 0.0, -1.0, float("inf"), float("nan")])
    got = (a / 0.0).numpy()
    assert got[0] == np.inf and np.isnan(got[1]) and got[2] == -np.inf and got[3] == np.inf and np.isnan(got[4])
    assert np.isnan((a - a).numpy()[3:]).all()
    assert np.isnan(ops.sqrt(Tensor(-1.0)).item()) and ops.log(Tensor(0.0)).item() == -np.inf
    assert (Tensor(np.float16(60000)) * 2).item() == np.inf


# indexing -----------------------------------------------------------------------------------------------------------------------

B = np.arange(60, dtype="f4").reshape(3, 4, 5)
BASIC = {
    "0": np.s_[0],
    "-1": np.s_[-1],
    "1, 2": np.s_[1, 2],
    "1, 2, 3": np.s_[1, 2, 3],
    ":": np.s_[:],
    "1:": np.s_[1:],
    ":-1, 1:3": np.s_[:-1, 1:3],
    "::2, ::-1": np.s_[::2, ::-1],
    "::-1": np.s_[::-1],
    "..., 1": np.s_[..., 1],
    "1, ..., 2": np.s_[1, ..., 2],
    "None": np.s_[None],
    ":, None, 1": np.s_[:, None, 1],
    "empty": np.s_[3:],
    "beyond": np.s_[1:100],
    "...": np.s_[...],
    "()": (),
}
GATHER = {
    "list": ([2, 0, 2],),
    "array": (np.array([[0, 1], [2, -1]]),),
    "after a slice": (slice(None), [1, 3]),
}


@pytest.mark.parametrize("key", BASIC.values(), ids=list(BASIC))
def test_basic_indexing_and_its_gradient(key: object, path: str) -> None:
    t = Tensor(B, requires_grad=True)
    got = t[key]
    assert np.array_equal(got.numpy(), B[key]) and got.shape == B[key].shape
    assert got.storage is t.storage, "a basic slice is a view"
    (got * got).sum().backward()
    expected = np.zeros_like(B)
    expected[key] = 2 * B[key]
    assert np.array_equal(t.grad.numpy(), expected)


@pytest.mark.parametrize("key", GATHER.values(), ids=list(GATHER))
def test_indexing_by_integers_and_its_gradient(key: tuple, path: str) -> None:
    t = Tensor(B, requires_grad=True)
    got = t[key if len(key) > 1 else key[0]]
    assert np.array_equal(got.numpy(), B[key])
    (got * got).sum().backward()
    expected = np.zeros_like(B)
    np.add.at(expected, key, 2 * B[key])
    np.testing.assert_allclose(t.grad.numpy(), expected)
    if len(key) == 1:
        assert np.array_equal(Tensor(B)[Tensor(key[0])].numpy(), B[key])


def test_indices_out_of_range_are_refused() -> None:
    for key in (3, -4, (0, 4), (0, 0, 0, 0)):
        with pytest.raises((IndexError, ShapeError)):
            Tensor(B)[key]
    with pytest.raises((IndexError, TypeError)):
        Tensor(B)["a"]
    with pytest.raises((IndexError, TypeError)):
        Tensor(B)[1.5]


# methods ------------------------------------------------------------------------------------------------------------------------

METHODS = {
    "reshape": lambda a: a.reshape(4, 3),
    "reshape tuple": lambda a: a.reshape((2, -1)),
    "transpose": lambda a: a.transpose(),
    "transpose axes": lambda a: a.transpose(1, 0),
    "transpose tuple": lambda a: a.transpose((1, 0)),
    "T": lambda a: a.T,
    "flatten": lambda a: a.flatten(),
    "squeeze": lambda a: a.reshape(3, 1, 4).squeeze(1),
    "clip": lambda a: a.clip(-0.5, 0.5),
    "astype": lambda a: a.astype("float64"),
    **{
        f"{name} {axis} {keepdims}": lambda a, name=name, axis=axis, keepdims=keepdims: getattr(a, name)(axis=axis, keepdims=keepdims)
        for name in ("sum", "mean", "max", "min", "prod", "var", "std")
        for axis in (None, 0, -1, (0, 1))
        for keepdims in (False, True)
    },
    "argmax": lambda a: a.argmax(axis=1),
    "argmin": lambda a: a.argmin(axis=0),
    "argmax all": lambda a: a.argmax(),
    "any": lambda a: (a > 0).any(axis=0),
    "all": lambda a: (a > -9).all(),
}


@pytest.mark.parametrize("f", METHODS.values(), ids=list(METHODS))
def test_methods_are_those_of_numpy(f: object, path: str) -> None:
    same(f(Tensor(X)), f(X))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sigmoid", "relu", "abs"])
def test_mathematical_methods(name: str, path: str) -> None:
    positive = Tensor(np.abs(X) + 0.1)
    same(getattr(positive, name)(), getattr(ops, name)(positive).numpy())


def test_views_share_memory_and_copies_do_not() -> None:
    t = Tensor(X)
    for view in (t.reshape(12), t.T, t[1:], t.detach(), ops.expand_dims(t, 0), ops.squeeze(t[:, None]), ops.broadcast_to(t, (2, 3, 4))):
        assert view.storage is t.storage
    for fresh in (t + 0, t.T.reshape(12), t.astype("float64"), ops.add(t, 0)):
        assert fresh.storage is not t.storage and fresh.array.flags.c_contiguous


def test_to(path: str) -> None:
    t = Tensor(X, requires_grad=True)
    assert t.to("cpu") is t or t.to("cpu").storage is t.storage
    assert t.to(dtype="float64").dtype == "float64"
    t.to(dtype="float64").sum().backward()
    assert t.grad.dtype == "float32" and t.grad.shape == (3, 4)
    with pytest.raises(ValueError, match="tpu"):
        t.to("tpu")


def test_detach() -> None:
    t = Tensor(X, requires_grad=True)
    d = (t * 2).detach()
    assert not d.requires_grad and d.is_leaf
    same(d, X * 2)


def test_arrays_on_the_left_leave_the_work_to_us() -> None:
    got = X * Tensor(X, requires_grad=True)
    assert isinstance(got, Tensor) and got.requires_grad
    assert isinstance(np.float64(2) * Tensor([1.0]), Tensor)


@pytest.mark.parametrize("name", ["zeros", "ones", "full", "arange", "eye", "constant", "tensor"])
def test_constructors(name: str, path: str) -> None:
    f = getattr(gpudl, name)
    made, expected = {
        "zeros": lambda: (f((2, 3)), np.zeros((2, 3))),
        "ones": lambda: (f((2, 3), dtype="float64"), np.ones((2, 3))),
        "full": lambda: (f((2, 3), 2.5), np.full((2, 3), 2.5)),
        "arange": lambda: (f(5), np.arange(5)),
        "eye": lambda: (f(3), np.eye(3)),
        "constant": lambda: (f([[1.0, 2.0]]), np.array([[1.0, 2.0]])),
        "tensor": lambda: (f([[1.0, 2.0]]), np.array([[1.0, 2.0]])),
    }[name]()
    same(made, expected)
    assert made.dtype == {"ones": "float64", "arange": "int32"}.get(name, "float32")


def test_constructors_take_requires_grad() -> None:
    for made in (gpudl.zeros((2,), requires_grad=True), gpudl.ones(2, requires_grad=True), gpudl.tensor([1.0], requires_grad=True)):
        assert made.requires_grad and made.is_leaf
