"""Find runs of calls in a recorded step that one fused op does at once, and put it in their place (`fuse`).

    matmul | conv2d, then add of a bias, then relu | leaky_relu | sigmoid | tanh, or nothing
    matmul | conv2d_grad_input, then the gradient of such an activation, then the sums over rows that are the bias' gradient, if any
    batch_norm | batch_norm_inference, then relu | leaky_relu; and their gradients
    softmax, then the cross-entropy of its scores

What goes from one call of a run to the next must be a temporary that nobody else reads: it is not made any more, which saves a pass over
memory and the memory itself. The fused call stands where one of its calls stood, and no call between may touch what it reads or writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .dtypes import HALF, is_float
from .ops.fused import CONV2D_ACT_GRAD, CONV2D_BIAS, MATMUL_ACT_GRAD, MATMUL_BIAS, SOFTMAX_CROSSENTROPY, SOFTMAX_SPARSE_CROSSENTROPY
from .ops.normalization_act import BATCH_NORM_ACT, BATCH_NORM_ACT_GRAD, BATCH_NORM_INFERENCE_ACT

if TYPE_CHECKING:
    from .plan import Call, Operand

Members = tuple[int, ...]
Accept = Callable[["Call", Members], bool]

ACTIVATIONS = {"relu": 1, "leaky_relu": 2, "sigmoid": 3, "tanh": 4}
GRADIENTS = {f"{name}_grad": act for name, act in ACTIVATIONS.items()}
LEAKY = ACTIVATIONS["leaky_relu"]
WITH_BIAS = {"matmul": MATMUL_BIAS, "conv2d": CONV2D_BIAS}
WITH_GRADIENT = {"matmul": MATMUL_ACT_GRAD, "conv2d_grad_input": CONV2D_ACT_GRAD}
NORMAL = {"batch_norm": BATCH_NORM_ACT, "batch_norm_inference": BATCH_NORM_INFERENCE_ACT}
LOSSES = {"categorical_crossentropy": SOFTMAX_CROSSENTROPY, "sparse_categorical_crossentropy": SOFTMAX_SPARSE_CROSSENTROPY}


def free_of_charge(call: Call, parts: Members) -> bool:
    """Whether the reference kernel of a fused call does no more than those of its parts: all in place, without a temporary of its own, and
    with the same bits (16 bits are rounded once instead of after each part)."""
    if any(o.dtype.char in HALF for o in (*call.outs, *call.ins)):
        return False
    if call.op in (MATMUL_BIAS, CONV2D_BIAS):
        return int(call.attrs[-2]) != LEAKY
    if call.op in (MATMUL_ACT_GRAD, CONV2D_ACT_GRAD):
        return int(call.attrs[-2]) < LEAKY and len(parts) == 3  # without the sums there is no need to make them
    return call.op is not BATCH_NORM_ACT_GRAD  # which makes the normalised numbers again


# operands ----------------------------------------------------------------------------------------------------------------------


def is_dense(o: Operand) -> bool:
    """Whether the operand is C-contiguous."""
    stride = o.dtype.itemsize
    for n, s in zip(reversed(o.shape), reversed(o.strides)):
        if n != 1 and s != stride:
            return False
        stride *= n
    return True


def same_numbers(a: Operand, b: Operand) -> bool:
    """Whether both are the same memory in the same order, as rows of the same length."""
    if a[:2] != b[:2] or a.dtype != b.dtype:
        return False
    if a.shape == b.shape and a.strides == b.strides:
        return True
    return a.shape[-1:] == b.shape[-1:] and math.prod(a.shape) == math.prod(b.shape) and is_dense(a) and is_dense(b)


def span(o: Operand) -> tuple[int, int, int]:
    """(storage, first byte, byte behind the last)"""
    if 0 in o.shape:
        return o.slot, o.offset, o.offset
    reach = [(n - 1) * s for n, s in zip(o.shape, o.strides)]
    return o.slot, o.offset + sum(r for r in reach if r < 0), o.offset + sum(r for r in reach if r > 0) + o.dtype.itemsize


def meet(xs: Sequence[Operand], ys: Sequence[Operand]) -> bool:
    """Whether an operand of one group shares a byte with one of the other."""
    slots = {y.slot for y in ys}
    close = [span(x) for x in xs if x.slot in slots]
    return bool(close) and any(s == t and a < d and c < b for s, a, b in close for t, c, d in map(span, ys))


def disturb(x: Call, y: Call) -> bool:
    """Whether two calls may not change places."""
    return meet(x.outs, y.outs) or meet(x.outs, y.ins) or meet(x.ins, y.outs)


# the pass ----------------------------------------------------------------------------------------------------------------------


class Pass:
    """One way through a recording. `calls[i]` is None where a call has become part of another."""

    def __init__(self, calls: Sequence[Call], temporary: Sequence[bool], accept: Accept) -> None:
        self.calls: list[Call | None] = list(calls)
        self.temporary, self.accept = temporary, accept
        self.unread: list[int] = []  # bytes of further temporaries, numbered behind the others: outputs that nobody asked for
        self.members: dict[int, Members] = {}
        self.used: dict[int, list[int]] = {}  # storage -> the calls that touch it, in order
        for i, call in enumerate(calls):
            self.note(i, call)

    def note(self, i: int, call: Call) -> None:
        for slot in {o.slot for o in (*call.outs, *call.ins)}:
            self.used.setdefault(slot, []).append(i)
            self.used[slot].sort()

    def forget(self, i: int, call: Call) -> None:
        for slot in {o.slot for o in (*call.outs, *call.ins)}:
            self.used[slot].remove(i)

    def named(self, i: int) -> str:
        call = self.calls[i]
        return "" if call is None else call.op.name

    def call(self, i: int) -> Call:
        found = self.calls[i]
        assert found is not None
        return found

    def only_reader(self, i: int, made: Operand) -> int | None:
        """The one call that reads what call i wrote to a temporary, if there is just one and nobody else touches that storage."""
        used = self.used[made.slot]
        return used[1] if self.temporary[made.slot] and len(used) == 2 and used[0] == i else None

    def written_between(self, o: Operand, i: int, j: int) -> bool:
        return any(i < k < j and meet(self.call(k).outs, (o,)) for k in self.used[o.slot])

    def put(self, made: Call, *members: int) -> bool:
        """Set `made` where the last of its parts stood, or else another, if the parts may change places with the calls between."""
        if meet(made.outs, made.ins) or not self.accept(made, members):  # what one part made for the next is no operand of the whole
            return False
        for place in (members[-1], *members[:-1]):
            crossed = [(k, q) for k in range(min(members), max(members) + 1) if k not in members and (q := self.calls[k]) is not None]
            if any(self.crosses(m, place, k) and disturb(self.call(m), q) for m in members for k, q in crossed):
                continue
            for m in members:
                self.forget(m, self.call(m))
                self.calls[m] = None
            self.calls[place] = made
            self.members[place] = members
            self.note(place, made)
            return True
        return False

    @staticmethod
    def crosses(m: int, place: int, k: int) -> bool:
        return m < k < place or place < k < m

    # the patterns --------------------------------------------------------------------------------------------------------------

    def read_results(self, i: int) -> None:
        """The gradient of leaky_relu asks for the sign of x. Its result has the same sign, and is kept anyway."""
        call = self.call(i)
        x, y = call.ins[0], call.outs[0]
        slope = call.attrs[0]
        if not slope >= 0 or not self.temporary[x.slot]:
            return
        for k in list(self.used[x.slot]):
            back = self.call(k)
            if k <= i or back.op.name != "leaky_relu_grad" or back.ins[1] != x or back.ins[0] == x or back.attrs != call.attrs:
                continue
            if not self.written_between(x, i, k) and not self.written_between(y, i, k):
                self.forget(k, back)
                self.calls[k] = back._replace(ins=(back.ins[0], y))
                self.note(k, self.call(k))

    def product(self, i: int) -> None:
        """act(product + bias)"""
        call = self.call(i)
        product = call.outs[0]
        j = self.only_reader(i, product)
        if j is None or self.named(j) != "add" or not is_float(product.dtype):
            return
        add = self.call(j)
        total, bias = add.ins
        if (
            not same_numbers(product, total)
            or bias.slot == product.slot
            or bias.shape != product.shape[-1:]
            or total.shape != add.outs[0].shape
        ):
            return
        z = add.outs[0]
        k = self.only_reader(j, z)
        found = None if k is None else self.activation(k, z)
        if k is None or found is None or not self.with_bias(call, bias, self.call(k).outs[0], found, (i, j, k)):
            self.with_bias(call, bias, z, (0, 0.0), (i, j))

    def with_bias(self, call: Call, bias: Operand, y: Operand, activation: tuple[int, float], members: Members) -> bool:
        product = call.outs[0]
        out = y._replace(shape=product.shape, strides=product.strides)
        attrs = (*call.attrs, *activation)
        made = call._replace(op=WITH_BIAS[call.op.name], outs=(out,), ins=(*call.ins, bias), attrs=attrs)
        return same_numbers(y, out) and self.put(made, *members)

    def activation(self, k: int, z: Operand) -> tuple[int, float] | None:
        """(act, slope) if call k is an activation of z that a fused op knows."""
        call = self.call(k)
        act = ACTIVATIONS.get(call.op.name)
        if act is None or not same_numbers(call.ins[0], z):
            return None
        slope = float(call.attrs[0]) if act == LEAKY else 0.0
        return (act, slope) if slope >= 0 else None

    def product_back(self, i: int) -> None:
        """The gradient of an activation from a product, and its sums."""
        call = self.call(i)
        h = call.outs[0]
        if not is_float(h.dtype):
            return
        j = self.only_reader(i, h)
        act = GRADIENTS.get(self.named(j)) if j is not None else None
        if j is None or act is None:
            return
        back = self.call(j)
        g, y = back.ins
        slope = float(back.attrs[0]) if act == LEAKY else 0.0
        if g != h or y.slot == h.slot or y.shape != h.shape or not slope >= 0:
            return
        dz = back.outs[0]
        made = call._replace(op=WITH_GRADIENT[call.op.name], ins=(*call.ins, y), attrs=(*call.attrs, act, slope))
        for k in self.used[dz.slot]:
            total = self.call(k)
            is_sums = total.op.name == "sum_to" and total.ins == (dz,) and total.outs[0].shape == dz.shape[-1:]
            if is_sums and self.put(made._replace(outs=(dz, total.outs[0])), i, j, k):
                return
        step = dz.dtype.itemsize
        sums = dz._replace(slot=len(self.temporary) + len(self.unread), offset=0, shape=dz.shape[-1:], strides=(step,))
        if self.put(made._replace(outs=(dz, sums)), i, j):
            self.unread.append(step * dz.shape[-1])

    def normal_back(self, i: int) -> None:
        """The gradient of relu or leaky_relu, then that of the batch norm before it."""
        back = self.call(i)
        dz = back.outs[0]
        j = self.only_reader(i, dz)
        if j is None or self.named(j) != "batch_norm_grad":
            return
        last = self.call(j)
        if last.ins[0] != dz or any(o.slot == dz.slot for o in last.ins[1:]):
            return
        _, x, gamma, mean, rstd = last.ins
        for f in self.used[mean.slot]:
            norm = self.call(f)
            if f < i and norm.op.name == "batch_norm" and norm.outs[1:3] == (mean, rstd) and norm.ins[:2] == (x, gamma):
                beta, z = norm.ins[2], norm.outs[0]
                if any(self.written_between(o, f, j) for o in (x, gamma, beta, mean, rstd)):
                    return
                if self.is_of(back, z, f, i):
                    act = GRADIENTS[back.op.name]
                    slope = float(back.attrs[0]) if act == LEAKY else 0.0
                    made = last._replace(op=BATCH_NORM_ACT_GRAD, ins=(back.ins[0], x, gamma, beta, mean, rstd), attrs=(act, slope))
                    self.put(made, i, j)
                return

    def is_of(self, back: Call, z: Operand, f: int, i: int) -> bool:
        """Whether `back`, call i, is the gradient of an activation of z, which call f wrote."""
        sign = back.ins[1]
        if back.op.name == "leaky_relu_grad" and sign == z:
            return not self.written_between(z, f, i)
        name = back.op.name.removesuffix("_grad")
        for k in self.used[z.slot]:
            call = self.call(k)
            if f < k < i and call.op.name == name and call.ins == (z,) and call.outs == (sign,) and call.attrs == back.attrs:
                return not self.written_between(z, f, k) and not self.written_between(sign, k, i)
        return False

    def normal(self, i: int) -> None:
        """relu or leaky_relu of a batch norm."""
        call = self.call(i)
        z = call.outs[0]
        j = self.only_reader(i, z)
        if j is None or self.named(j) not in ("relu", "leaky_relu") or self.call(j).ins != (z,):
            return
        bend = self.call(j)
        act = ACTIVATIONS[bend.op.name]
        slope = float(bend.attrs[0]) if act == LEAKY else 0.0
        made = call._replace(op=NORMAL[call.op.name], outs=(bend.outs[0], *call.outs[1:]), attrs=(*call.attrs, act, slope))
        self.put(made, i, j)

    def loss(self, i: int) -> None:
        """The cross-entropy of what went into a softmax."""
        call = self.call(i)
        z, (p, stats) = call.ins[0], call.outs
        if call.attrs != (len(z.shape) - 1,):
            return
        for j in self.used[stats.slot]:
            each = self.call(j)
            if j > i and each.op.name in LOSSES and each.ins[:3] == (z, p, stats):
                if not any(self.written_between(o, i, j) for o in (z, p, stats)):
                    made = each._replace(op=LOSSES[each.op.name], outs=(p, stats, each.outs[0]), ins=(z, each.ins[3]), attrs=())
                    self.put(made, i, j)
                return

    def run(self) -> None:
        patterns: list[tuple[Callable[[int], None], Any]] = [
            (self.read_results, ("leaky_relu",)),
            (self.normal_back, ("relu_grad", "leaky_relu_grad")),
            (self.normal, NORMAL),
            (self.product, WITH_BIAS),
            (self.product_back, WITH_GRADIENT),
            (self.loss, ("softmax",)),
        ]
        for pattern, names in patterns:
            for i in range(len(self.calls)):
                if self.named(i) in names:
                    pattern(i)


def fuse(calls: Sequence[Call], temporary: Sequence[bool], accept: Accept) -> tuple[list[tuple[Call, Members]], list[int]]:
    """The calls of a step with fused ones in the place of runs, each with the numbers of the calls that it stands for; and the bytes of
    further temporaries, which are numbered behind those of the step.

    Args:
        calls: as recorded.
        temporary: for each storage, whether it is a temporary of the step.
        accept: ``accept(fused call, numbers of its parts)`` says whether it is worth it, and possible.
    """
    work = Pass(calls, temporary, accept)
    work.run()
    return [(call, work.members.get(i, (i,))) for i, call in enumerate(work.calls) if call is not None], work.unread
