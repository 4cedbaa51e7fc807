"""Walking back: what arrives in `.grad`, when memory is freed, what is refused, and that threads do not see each other."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import gpudl
from gpudl import Tensor, Variable, autograd, ops
from gpudl.autograd import apply
from gpudl.op import Op, registry
from gpudl.testing import check_grads
from gpudl.variables import Arena, pack

R = np.random.default_rng(3)


def leaf(*shape: int, dtype: str = "float64") -> Tensor:
    return Tensor(R.standard_normal(shape), requires_grad=True, dtype=dtype)


# what arrives -------------------------------------------------------------------------------------------------------------------


def test_backward_adds_to_grad(path: str) -> None:
    x = leaf(3)
    (x * x).sum().backward()
    first = x.grad.numpy()
    (x * x).sum().backward()
    assert np.array_equal(x.grad.numpy(), 2 * first)
    x.grad = None
    assert x.grad is None
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [3, 3, 3] and not x.grad.requires_grad


def test_grad_can_be_set() -> None:
    x = leaf(3)
    x.grad = Tensor(np.ones(3))
    (x * 1.0).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    for wrong in (Tensor(np.ones(2)), Tensor(np.ones(3, "f4")), np.ones(3)):
        with pytest.raises(ValueError, match="shape"):
            x.grad = wrong
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        Tensor([1.0]).grad = Tensor([1.0])


def test_backward_needs_a_gradient_unless_the_result_is_one_number() -> None:
    x = leaf(2, 3)
    with pytest.raises(RuntimeError, match=r"a gradient is needed for a result of shape \(2, 3\)"):
        (x * 2).backward()
    (x * 2).backward(gradient=Tensor(np.full((2, 3), 5.0)))
    assert (x.grad.numpy() == 10).all()
    with pytest.raises(gpudl.errors.ShapeError, match=r"shape \(2, 3\)"):
        (x * 2).backward(Tensor(np.ones(3)))
    with pytest.raises(RuntimeError, match="does not depend on anything that requires a gradient"):
        Tensor([1.0]).backward()
    y = leaf(1, 1)
    (y * 2).backward()
    assert y.grad.tolist() == [[2.0]]


def test_backward_of_a_leaf_itself() -> None:
    x = Tensor(3.0, requires_grad=True)
    x.backward()
    assert x.grad.item() == 1.0


def test_diamonds_and_repeated_use(path: str) -> None:
    check_grads(lambda a: a * a, R.standard_normal(5))
    check_grads(lambda a: (a * 3.0) * a + ops.tanh(a), R.standard_normal((2, 3)), order=2)
    check_grads(lambda a, b: ops.matmul(ops.tanh(ops.matmul(a, b)), ops.transpose(b)), R.standard_normal((3, 4)), R.standard_normal((4, 4)))


def test_broadcast_operands_get_gradients_of_their_own_shape(path: str) -> None:
    check_grads(lambda a, b: a * b, R.standard_normal((4, 6, 5)), R.standard_normal((6, 1)), order=2)
    check_grads(lambda a, b: a + b, R.standard_normal(()), R.standard_normal((2, 3)))
    a, b = leaf(4, 1), leaf(3)
    (a - b).sum().backward()
    assert a.grad.shape == (4, 1) and (a.grad.numpy() == 3).all() and b.grad.shape == (3,) and (b.grad.numpy() == -4).all()


def test_views_pass_gradients(path: str) -> None:
    check_grads(lambda a: ops.reshape(ops.transpose(a), (3, 10)) * ops.reshape(a, (3, 10)), R.standard_normal((6, 5)), order=2)
    check_grads(lambda a: a[0:3] + a[2:5], R.standard_normal((6, 5)), order=2)


def test_second_backward_without_retain_graph_names_the_op() -> None:
    x = leaf(3)
    y = ops.exp(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match=r"\[\w+\] this graph was already walked; pass retain_graph=True"):
        y.backward()
    assert np.allclose(x.grad.numpy(), 2 * np.exp(x.numpy()))


def test_no_grad_and_enable_grad() -> None:
    x = leaf(2)
    with gpudl.no_grad():
        y = x * 2
        with gpudl.enable_grad():
            z = x * 2
    assert not y.requires_grad and z.requires_grad and (x * 2).requires_grad
    with pytest.raises(KeyError), gpudl.no_grad():
        raise KeyError
    assert (x * 2).requires_grad, "an error in the block ends it too"


def test_no_grad_decorates_functions() -> None:
    @gpudl.no_grad()
    def f(x: Tensor) -> Tensor:
        return x * 2

    assert not f(leaf(2)).requires_grad and not f(leaf(2)).requires_grad


def test_requires_grad_can_be_switched_on_leaves_only() -> None:
    x = Tensor([1.0])
    x.requires_grad = True
    y = x * 2
    with pytest.raises(RuntimeError, match=r"use detach\(\)"):
        y.requires_grad = False
    x.requires_grad = False
    assert not x.requires_grad and x.grad is None


def test_integer_results_carry_no_gradient() -> None:
    x = leaf(3)
    for y in (x.astype("int32"), ops.argmax(x), x > 0):
        assert not y.requires_grad
    (x * (x > 0)).sum().backward()
    assert np.array_equal(x.grad.numpy(), (x.numpy() > 0).astype(float))


# gpudl.grad ---------------------------------------------------------------------------------------------------------------------


def test_grad_returns_and_touches_nothing(path: str) -> None:
    x, y = leaf(3), leaf(3)
    z = (x * y).sum()
    gx, gy = gpudl.grad(z, [x, y], retain_graph=True)
    assert np.array_equal(gx.numpy(), y.numpy()) and np.array_equal(gy.numpy(), x.numpy())
    assert x.grad is None and y.grad is None
    assert isinstance(gpudl.grad(z, x), Tensor)


def test_grad_of_what_is_not_used_is_none() -> None:
    x, y = leaf(3), leaf(3)
    assert gpudl.grad((x * 2).sum(), [x, y])[1] is None
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        gpudl.grad((x * 2).sum(), Tensor([1.0]))


def test_grad_with_respect_to_something_computed(path: str) -> None:
    x = leaf(3)
    middle = x * x
    end = ops.exp(middle).sum()
    g = gpudl.grad(end, middle)
    assert np.allclose(g.numpy(), np.exp(middle.numpy()))


def test_grad_of_several_outputs(path: str) -> None:
    x = leaf(3)
    a, b = (x * 2).sum(), x * 3
    g = gpudl.grad([a, b], x, [None, Tensor([1.0, 10.0, 100.0], dtype="float64")])
    assert g.tolist() == [5, 32, 302]
    with pytest.raises(ValueError, match="2 outputs but 1 gradients"):
        gpudl.grad([a, b], x, [None])


def test_create_graph_differentiates_again(path: str) -> None:
    x = Tensor(3.0, requires_grad=True)
    first = gpudl.grad(x * x * x, x, create_graph=True)
    second = gpudl.grad(first, x, create_graph=True)
    assert (first.item(), second.item(), gpudl.grad(second, x).item()) == (27.0, 18.0, 6.0)
    w, b, v = R.standard_normal((4, 7)), R.standard_normal(7), R.standard_normal((7, 3))
    data = R.standard_normal((5, 4))

    def penalty(w: Tensor, b: Tensor, v: Tensor) -> Tensor:
        x = Tensor(data, requires_grad=True)
        y = ops.matmul(ops.leaky_relu(ops.matmul(x, w) + b, 0.2), v)
        g = gpudl.grad((y * y).sum(), x, create_graph=True)
        return (g * g).sum()

    check_grads(penalty, w, b, v)


def test_backward_with_create_graph_gives_gradients_on_the_tape(path: str) -> None:
    x = leaf(3)
    (x * x * x).sum().backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.sum().backward()
    assert np.allclose(x.grad.numpy(), 6 * x.numpy())


def test_an_op_without_second_gradient_is_refused_before_any_work() -> None:
    name = "once_only_for_a_test"
    once = registry.get(name) or Op(name, lambda x: ((x.shape, x.dtype),), lambda xp, y, x: xp.multiply(x, x, out=y), lambda ctx, g: (g,))
    try:
        x = leaf(3)
        y = apply(once, (ops.exp(x),)).sum()
        with gpudl.plan.Recording() as recording, pytest.raises(RuntimeError, match=rf"\[{name}\] cannot be differentiated twice"):
            y.backward(create_graph=True)
        assert not recording.calls and x.grad is None
        y.backward()
    finally:
        del registry[name]


# hooks --------------------------------------------------------------------------------------------------------------------------


def test_hooks_see_whole_gradients_once(path: str) -> None:
    x = leaf(3)
    seen: list[np.ndarray] = []
    x.register_hook(lambda g: seen.append(g.numpy()))
    (x * 2 + x * 3).sum().backward()
    assert len(seen) == 1 and (seen[0] == 5).all() and (x.grad.numpy() == 5).all()


def test_hooks_on_results_and_their_removal(path: str) -> None:
    x = leaf(3)
    y = x * 2
    remove = y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert (x.grad.numpy() == 20).all()
    y = x * 2
    remove = y.register_hook(lambda g: g * 10)
    remove()
    remove()
    x.grad = None
    y.sum().backward()
    assert (x.grad.numpy() == 2).all()
    with pytest.raises(RuntimeError, match="requires a gradient"):
        Tensor([1.0]).register_hook(lambda g: g)
    x.register_hook(lambda g: Tensor([1.0]))
    with pytest.raises(gpudl.errors.ShapeError, match="hook must return None or a Tensor of shape"):
        (x * 2).sum().backward()


# memory and depth ---------------------------------------------------------------------------------------------------------------


def test_100000_ops_deep_freed_by_counting_alone() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(2)
        y, kept = x, []
        for i in range(100_000):
            y = ops.negative(y)
            if i % 10_000 == 0:
                kept.append(weakref.ref(y.storage))
        y.sum().backward()
        assert x.grad.tolist() == [1, 1]
        del y
        assert all(ref() is None for ref in kept)
    finally:
        gc.enable()


def test_a_long_chain_is_dropped_without_walking() -> None:
    """Letting go of it must not recurse either."""
    y = leaf(2)
    for _ in range(40_000):
        y = ops.negative(y)
    del y


def test_the_tape_has_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(4, 4)
        y = ops.softmax(ops.tanh(ops.relu(ops.matmul(x, x)))).sum()
        refs = [weakref.ref(node) for node in [y.edge[0]]] if hasattr(y.edge[0], "__weakref__") else []
        middle = weakref.ref(ops_storage(y))
        del y
        assert middle() is None and all(r() is None for r in refs)
    finally:
        gc.enable()


def ops_storage(y: Tensor) -> object:
    """The storage of some saved value deep in the tape of y."""
    stack = [y.edge[0]]
    while stack:
        node = stack.pop()
        if isinstance(node.results, dict) and node.results:
            return next(iter(node.results.values())).storage
        stack.extend(e[0] for e in node.edges if e is not None and isinstance(e[0], autograd.Node))
    raise AssertionError("nothing was saved")


def test_backward_lets_go_of_saved_values_as_it_goes() -> None:
    gc.disable()
    try:
        x = leaf(8)
        a = ops.exp(x)
        ref = weakref.ref(a.storage)
        y = (a * a).sum()
        del a
        assert ref() is not None
        y.backward()
        assert ref() is None, "y still lives, but what was saved for it is gone"
    finally:
        gc.enable()


# writes in place ----------------------------------------------------------------------------------------------------------------


def two_in_an_arena() -> tuple[Variable, Variable]:
    a, b = Variable(np.ones((4, 4), "f4"), name="a"), Variable(np.ones((4, 4), "f4"), name="b")
    pack([a, b])
    assert a.storage.parent is b.storage.parent is not None
    return a, b


def test_assigning_between_use_and_backward_is_caught() -> None:
    a, b = two_in_an_arena()
    y = ops.matmul(ops.matmul(Tensor(np.ones((2, 4), "f4")), a), b).sum()
    b.assign(np.zeros((4, 4)))
    with pytest.raises(RuntimeError, match=r"\[matmul\] input 1 of shape \(4, 4\) .* written in place"):
        y.backward()


def test_neighbours_in_an_arena_are_not_flagged() -> None:
    a, b = two_in_an_arena()
    y = ops.matmul(Tensor(np.ones((2, 4), "f4")), a).sum()
    z = ops.matmul(Tensor(np.ones((2, 4), "f4")), b) * b[0]
    a.assign(np.zeros((4, 4)))
    z.sum().backward()
    assert b.grad is not None
    y.backward()  # its gradient reads the input only, not the written parameter
    assert (a.grad.numpy() == 2).all()


def test_updating_the_whole_arena_between_use_and_backward_is_caught() -> None:
    a, b = two_in_an_arena()
    y = ops.matmul(ops.matmul(Tensor(np.ones((2, 4), "f4")), a), b).sum()
    flat = a.path_leaf.pack[0].params.flat
    apply(autograd.ADD_, (Tensor(np.ones(flat.shape, "f4")),), updates=(flat,))
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_assigning_the_base_of_a_saved_view_is_caught() -> None:
    v = Variable(np.ones((4, 3), "f4"))
    part = v[0:2]
    y = (part * part).sum()
    v.assign(np.zeros((4, 3)))
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_an_input_that_is_not_needed_may_change() -> None:
    """Pitfall 15: a vjp reads only what some gradient needs."""
    data, w = Variable(np.ones(3, "f4"), trainable=False), Variable(np.full(3, 2.0, "f4"))
    y = (data * w).sum()
    w.assign(np.zeros(3))  # d/dw reads data, not w
    y.backward()
    assert w.grad.tolist() == [1, 1, 1]


def test_a_saved_gradient_home_that_was_overwritten_is_caught() -> None:
    """Pitfall 10."""
    a, _ = two_in_an_arena()
    (a * 2.0).sum().backward()
    y = (leaf(4, 4, dtype="float32") * a.grad).sum()
    a.grad = None
    (a * 3.0).sum().backward()
    with pytest.raises(RuntimeError, match="written in place"):
        y.backward()


def test_homes_full_of_rubbish_are_claimed_at_once(path: str) -> None:
    """Pitfall 9: the same leaf several times in one op, and over two backward calls, with and without an arena."""
    values, x = R.standard_normal((5, 5)), Tensor(R.standard_normal((3, 5)))
    plain, housed = Tensor(values, requires_grad=True), Variable(values)
    pack([housed])
    housed.path_leaf.home.array[...] = 9e9
    for k in (plain, housed):
        for _ in range(2):
            y = ops.matmul(ops.matmul(x, k), k * k)
            (y * y).sum().backward()
    assert housed.grad is housed.path_leaf.home
    np.testing.assert_allclose(housed.grad.numpy(), plain.grad.numpy(), rtol=1e-12)


def test_arena_places_are_aligned_and_gaps_stay_zero(path: str) -> None:
    arena = Arena([(3,), (5, 2), (), (17,)], np.dtype("f4"), gpudl.backends.get())
    assert all(o * 4 % 64 == 0 for o in arena.offsets)
    for i in range(4):
        arena.view(i).array[...] = 1
    assert arena.flat.array.sum() == 3 + 10 + 1 + 17
    assert arena.run(1, 3).shape == (arena.offsets[3] - arena.offsets[1],)


def test_shared_parameters_keep_their_first_pack() -> None:
    """Pitfall 3: packing again would leave the first optimizer updating dead memory."""
    a, b, c = (Variable(np.ones(3, "f4")) for _ in range(3))
    pack([a, b])
    place = a.array
    pack([a, c, a])
    assert a.array is place and c.path_leaf.pack[0] is not a.path_leaf.pack[0]


def test_assignment_checks_and_casts(path: str) -> None:
    v = Variable(np.zeros((2, 3), "f4"), name="kernel")
    place = v.array
    v.assign(np.ones((2, 3), "f8"))
    v.assign_add(2)
    v.assign_sub(Tensor(np.ones((2, 3), "f4")))
    assert (v.numpy() == 2).all() and v.array is place
    v.assign(7)
    assert (v.numpy() == 7).all()
    with pytest.raises(gpudl.errors.ShapeError, match=r"'kernel' has shape \(2, 3\). Received: a value of shape \(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    assert (v.numpy() == 7).all()


def test_in_place_ops_refuse_what_is_on_the_tape() -> None:
    y = leaf(3) * 2
    with pytest.raises(RuntimeError, match="writes in place into a tensor that was computed on the tape"):
        apply(autograd.ADD_, (Tensor(np.ones(3)),), updates=(y,))


def test_frozen_variables_get_no_gradient() -> None:
    v = Variable([1.0, 2.0])
    (v * v).sum().backward()
    assert v.grad is not None
    v.trainable = False
    assert v.grad is None and not (v * v).requires_grad
    v.trainable = True
    (v * v).sum().backward()
    assert v.grad.tolist() == [2, 4]
    assert not Variable([1, 2]).trainable
    with pytest.raises(gpudl.errors.DTypeError, match="cannot be trained"):
        Variable([1, 2]).trainable = True


# threads ------------------------------------------------------------------------------------------------------------------------


def test_grad_mode_belongs_to_a_thread() -> None:
    """Pitfall 13."""
    x, results, inside, done = leaf(2), [], threading.Event(), threading.Event()

    def other() -> None:
        with gpudl.no_grad():
            inside.set()
            done.wait(10)
            results.append((x * 2).requires_grad)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    here = (x * 2).requires_grad
    done.set()
    thread.join()
    assert here and results == [False]


def test_threads_differentiate_side_by_side(path: str) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    wrong: list[object] = []

    def work(seed: int) -> None:
        try:
            values = np.random.default_rng(seed).standard_normal(50)
            for _ in range(30):
                x = Tensor(values, requires_grad=True)
                y = x
                for _ in range(10):
                    y = ops.tanh(y * 1.1) + x
                y.sum().backward()
                results.setdefault(seed, x.grad.numpy())
                if not np.array_equal(results[seed], x.grad.numpy()):
                    wrong.append(seed)
        except Exception as error:
            wrong.append(error)

    results: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong and len(results) == 4


# a vjp is right for every use ---------------------------------------------------------------------------------------------------


def test_a_gradient_may_be_shared_by_two_branches(path: str) -> None:
    """add hands one tensor to both operands; accumulating into it in place would spoil the other."""
    x = leaf(3)
    a, b = x * 2, x * 3
    s = a + b
    (s + a * 5.0).sum().backward()
    assert np.allclose(x.grad.numpy(), 2 + 3 + 10)


def test_unused_outputs_of_an_op(path: str) -> None:
    x = leaf(6)
    first, *_ = ops.split(x, 3)
    (first * first).sum().backward()
    assert np.allclose(x.grad.numpy(), np.r_[2 * x.numpy()[:2], np.zeros(4)])


def test_float32_gradients_stay_float32(path: str) -> None:
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        x = leaf(3, dtype=dtype)
        (ops.exp(x * 2.0) / 3.0).sum().backward()
        assert x.grad.dtype == dtype


def test_mixed_dtypes_get_gradients_of_their_own_dtype(path: str) -> None:
    a, b = leaf(3, dtype="float16"), leaf(3, dtype="float32")
    (a * b).sum().backward()
    assert a.grad.dtype == "float16" and b.grad.dtype == "float32"
