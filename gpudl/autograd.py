"""Run an op and remember it (`apply`), walk back (`backward`, `grad`), forget (`no_grad`).

Broadcast reduction, gradient accumulation and "does this input need a gradient" live here once, not in the rules of the ops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .backends import Backend
from .backends.summation import FEW_ROWS, sum_into
from .errors import BackendError, DTypeError, ShapeError
from .op import COPY, Op, launch
from .tensors import Leaf, Storage, Tensor, TensorLike, empty, mode, tick, wrap

Grads = dict[int, Tensor]


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block, ops are not put on the tape.

    >>> import gpudl
    >>> x = gpudl.ones(2, requires_grad=True)
    >>> with gpudl.no_grad():
    ...     y = x * 2.0
    >>> y.requires_grad
    False
    """
    before, mode.grad = mode.grad, False
    try:
        yield
    finally:
        mode.grad = before


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within the block, ops are put on the tape, also inside `no_grad`.

    >>> import gpudl
    >>> x = gpudl.tensor([3.0], requires_grad=True)
    >>> with gpudl.no_grad(), enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """
    before, mode.grad = mode.grad, True
    try:
        yield
    finally:
        mode.grad = before


class Node:
    """One op on the tape: where its inputs came from, what its vjp will read, when it ran. `outs` are (shape, dtype)."""

    __slots__ = ("op", "edges", "ins", "results", "attrs", "order", "outs", "hooks", "layer")

    op: Op
    edges: list[tuple[Any, int] | None]
    ins: Any
    results: Any
    attrs: tuple[Any, ...]
    order: int
    outs: Sequence[tuple[tuple[int, ...], Any]]
    hooks: dict[int, dict[int, Callable[[Tensor], Tensor | None]]] | None
    layer: str | None

    def hooks_of(self, index: int) -> dict[int, Callable[[Tensor], Tensor | None]]:
        if self.hooks is None:
            self.hooks = {}
        return self.hooks.setdefault(index, {})


def apply(
    op: Op, ins: tuple[Tensor, ...], attrs: tuple[Any, ...] = (), updates: tuple[Tensor, ...] = (), backend: Backend | None = None
) -> Any:
    """Infer, allocate, launch, and put the op on the tape if a gradient may be asked for. Returns the fresh outputs, one or a list.

    `backend` says where to for ops without any operand.
    """
    avals = op.infer(*[t.array for t in ins], *attrs) if op.infer is not None else ()
    if backend is None:
        backend = (ins[0] if ins else updates[0]).storage.backend
    for t in ins:
        if t.storage.backend is not backend:
            devices = sorted({t.device for t in ins})
            raise BackendError(f"[{op.name}] the operands lie on different devices: {', '.join(devices)}. Move one with .to(device)")
    outs = []
    for t in updates:
        if t.edge is not None and type(t.edge[0]) is not Leaf:
            raise RuntimeError(f"[{op.name}] writes in place into a tensor that was computed on the tape; use detach() or no_grad()")
    for shape, dtype in avals:
        array = backend.empty(shape, dtype)
        outs.append(wrap(array, Storage(array, backend)))
    launch(op, (*outs, *updates) if updates else outs, ins, attrs)
    if mode.grad and op.vjp is not None:
        for t in ins:
            if t.edge is not None:
                remember(op, ins, outs, avals, attrs)
                break
    return outs[0] if len(outs) == 1 else outs


def remember(op: Op, ins: tuple[Tensor, ...], outs: Sequence[Tensor], avals: Any, attrs: tuple[Any, ...]) -> None:
    node = Node()
    node.op, node.attrs, node.outs, node.hooks, node.layer = op, attrs, avals, None, mode.layer
    node.order = tick()
    node.edges = [t.edge for t in ins]
    saved = op.saved_ins
    node.ins = ins if len(saved) == len(ins) else {i: ins[i] for i in saved} if saved else ()
    # outputs are kept without their edge: a tensor that keeps itself alive would not be freed when it is let go
    node.results = {i: outs[i].detach() for i in op.saved_outs} if op.saved_outs else ()
    for i, t in enumerate(outs):
        t.edge = node, i


def view(op: Op, x: Tensor, array: Any, attrs: tuple[Any, ...]) -> Tensor:
    """A tensor over the same storage: nothing is launched or recorded, only remembered. `attrs` are what the vjp reads."""
    out = wrap(array, x.storage)
    if mode.grad and x.edge is not None:
        remember(op, (x,), (out,), ((array.shape, array.dtype),), attrs)
    return out


class Context:
    """What a vjp may read, and the way it makes gradients: `grad` knows if one is needed and where it belongs."""

    __slots__ = ("node", "walk")

    def __init__(self, node: Node, walk: Walk) -> None:
        self.node, self.walk = node, walk

    @property
    def attrs(self) -> tuple[Any, ...]:
        return self.node.attrs

    def input(self, i: int) -> Tensor:
        """Input i as the op saw it; raises if it was written in place since. Read it only where `needs` says so."""
        return self._unmodified(self.node.ins[i], "input", i)

    def output(self, i: int) -> Tensor:
        t = self._unmodified(self.node.results[i], "output", i)
        return wrap(t.array, t.storage, (self.node, i)) if mode.grad else t

    def _unmodified(self, t: Tensor, what: str, i: int) -> Tensor:
        if t.storage.modified_since(self.node.order):
            raise RuntimeError(
                f"[{self.node.op.name}] {what} {i} of shape {t.shape} is needed for the gradient but was written in place after it was "
                "used. Call backward() before assigning, or assign to a copy."
            )
        return t

    def needs(self, i: int) -> bool:
        edge = self.node.edges[i]
        return edge is not None and (self.walk.useful is None or edge[0] in self.walk.useful)

    def shape(self, i: int) -> tuple[int, ...]:
        """The shape of output i."""
        return self.node.outs[i][0]

    def grad(self, i: int, op: Op, ins: tuple[Tensor, ...], attrs: tuple[Any, ...] = ()) -> Tensor | None:
        """The gradient of input i, made by `op`: nothing if not needed, in the parameter's home if it is the first contribution."""
        return self.grads((i,), op, ins, attrs)[0]

    def grads(self, indices: tuple[int, ...], op: Op, ins: tuple[Tensor, ...], attrs: tuple[Any, ...] = ()) -> tuple[Tensor | None, ...]:
        """Gradients of several inputs made by one op: its output k belongs to input indices[k]; further outputs are workspace."""
        needed = [self.needs(i) for i in indices]
        if not any(needed):
            return (None,) * len(indices)
        if mode.grad:
            made = apply(op, ins, attrs)
            outs = [made] if isinstance(made, Tensor) else made
        else:
            assert op.infer is not None
            outs = []
            backend = ins[0].storage.backend
            for k, (shape, dtype) in enumerate(op.infer(*[t.array for t in ins], *attrs)):
                home = self.walk.place(self.node.edges[indices[k]], shape, dtype) if k < len(indices) and needed[k] else None
                outs.append(empty(shape, dtype, backend) if home is None else home)
            launch(op, outs, ins, attrs)
        return tuple([out if wanted else None for out, wanted in zip(outs, needed)])


class Walk:
    """One way back along the tape, newest op first. One loop, no recursion."""

    __slots__ = ("claimed", "useful", "wanted", "found", "gathered", "create_graph")

    def __init__(self, wanted: Sequence[tuple[Any, int]] | None, create_graph: bool) -> None:
        self.claimed: set[Leaf] = set()
        self.useful: set[Any] | None = None  # nodes and leaves on a way to what is wanted; None: all
        self.wanted = None if wanted is None else set(wanted)
        self.found: dict[tuple[Any, int], Tensor] = {}
        self.gathered: dict[Leaf, Tensor] = {}  # leaves with hooks see their gradient once, whole
        self.create_graph = create_graph

    def prepare(self, edges: Sequence[tuple[Any, int]]) -> None:
        """Look ahead where that is needed: which nodes lead to what is wanted, and whether each can be differentiated twice."""
        if self.wanted is None and not self.create_graph:
            return
        nodes: set[Node] = set()
        stack = [source for source, _ in edges if isinstance(source, Node)]
        while stack:
            node = stack.pop()
            if node not in nodes:
                nodes.add(node)
                stack.extend(e[0] for e in node.edges if e is not None and isinstance(e[0], Node) and e[0] not in nodes)
        if self.wanted is not None:
            self.useful = {source for source, _ in self.wanted}
            for node in sorted(nodes, key=lambda n: n.order):
                if any(e is not None and e[0] in self.useful for e in node.edges):
                    self.useful.add(node)
            nodes &= self.useful
        if self.create_graph:
            for node in nodes:
                if not node.op.twice:
                    raise RuntimeError(f"[{node.op.name}] cannot be differentiated twice, so create_graph=True is refused")

    def run(self, seeds: Sequence[tuple[tuple[Any, int], Tensor]], retain_graph: bool) -> None:
        layer = mode.layer
        try:
            self._walk(seeds, retain_graph)
        finally:
            mode.layer = layer
        for leaf, g in self.gathered.items():
            self.deposit(leaf, run_hooks(leaf.hooks, g), fresh=True)

    def _walk(self, seeds: Sequence[tuple[tuple[Any, int], Tensor]], retain_graph: bool) -> None:
        pending: dict[Node, Grads] = {}
        heap: list[tuple[int, Node]] = []
        for edge, g in seeds:
            self.pass_on(edge, g, pending, heap)
        while heap:
            node = heappop(heap)[1]
            grads = pending.pop(node)
            if node.hooks:
                for index, hooks in node.hooks.items():
                    if index in grads:
                        grads[index] = run_hooks(hooks, grads[index])
            if self.wanted is not None:
                for index, g in grads.items():
                    if (node, index) in self.wanted:
                        self.found[node, index] = g
                assert self.useful is not None
                if not any(e is not None and e[0] in self.useful for e in node.edges):
                    continue
            if node.ins is None:
                raise RuntimeError(f"[{node.op.name}] this graph was already walked; pass retain_graph=True the first time")
            assert node.op.vjp is not None
            mode.layer = node.layer
            given = node.op.vjp(Context(node, self), *[grads.get(i) for i in range(len(node.outs))])
            for source, g in zip(node.edges, given):
                if source is not None and g is not None:
                    self.pass_on(source, g, pending, heap)
            if not retain_graph:
                node.ins = node.results = None

    def pass_on(self, edge: tuple[Any, int], g: Tensor, pending: dict[Node, Grads], heap: list[tuple[int, Node]]) -> None:
        source, index = edge
        if type(source) is Leaf:
            self.arrive(source, g)
            return
        if self.useful is not None and source not in self.useful:
            return
        if g.array.shape != source.outs[index][0]:
            g = apply(SUM_TO, (g,), source.outs[index][0])
        waiting = pending.get(source)
        if waiting is None:
            pending[source] = {index: g}
            heappush(heap, (-source.order, source))
        else:  # never in place: g may be shared with another branch
            waiting[index] = apply(ADD, (waiting[index], g)) if index in waiting else g

    def place(self, edge: tuple[Any, int] | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor | None:
        """The gradient's home in the arena if this is the first contribution and it fits; otherwise None."""
        leaf = None if edge is None else edge[0]
        if type(leaf) is not Leaf or leaf.home is None or self.wanted is not None or leaf.hooks or leaf in self.claimed:
            return None
        if mode.recorder is not None:
            mode.recorder.note_leaf(leaf)
        if leaf.grad is not None or leaf.shape != shape or leaf.dtype != dtype:
            return None
        self.claimed.add(leaf)
        leaf.home.storage.stamp = tick()  # whoever saved the gradient of before must not use it any more
        return leaf.home

    def arrive(self, leaf: Leaf, g: Tensor) -> None:
        """A contribution reaches a leaf."""
        if self.wanted is not None:
            if (leaf, 0) in self.wanted:
                g = reduced(g, leaf.shape)
                before = self.found.get((leaf, 0))
                self.found[leaf, 0] = g if before is None else apply(ADD, (before, g))
        elif leaf.hooks:
            g = reduced(g, leaf.shape)
            before = self.gathered.get(leaf)
            self.gathered[leaf] = g if before is None else apply(ADD, (before, g))
        else:
            self.deposit(leaf, g)

    def deposit(self, leaf: Leaf, g: Tensor, fresh: bool = False) -> None:
        """Add to a leaf's gradient: the first contribution fills its home in the arena, later ones are added to it in place."""
        if mode.recorder is not None:
            mode.recorder.note_leaf(leaf)
        home = leaf.home
        if home is None or self.create_graph or (leaf.grad is not None and leaf.grad is not home):
            g = reduced(g, leaf.shape)
            leaf.grad = g if leaf.grad is None else apply(ADD, (leaf.grad, g))
            return
        if g is not home:
            first = leaf.grad is None and leaf not in self.claimed
            if not first:
                launch(ADD_, (home,), (reduced(g, leaf.shape),))
            elif g.array.shape != leaf.shape:
                launch(SUM_TO, (home,), (g,), leaf.shape)
            else:
                launch(ASSIGN_, (home,), (g,))
        self.claimed.add(leaf)
        leaf.grad = home


def reduced(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    return g if g.array.shape == shape else apply(SUM_TO, (g,), shape)


def run_hooks(hooks: dict[int, Callable[[Tensor], Tensor | None]], g: Tensor) -> Tensor:
    for hook in list(hooks.values()):
        changed = hook(g)
        if changed is not None:
            if not isinstance(changed, Tensor) or changed.shape != g.shape:
                raise ShapeError(f"a gradient hook must return None or a Tensor of shape {g.shape}. Received: {changed!r}")
            g = changed
    return g


def seed_for(t: Tensor, gradient: TensorLike | None, what: str) -> Tensor:
    """What the walk starts with: ones for a single number, else the gradient given."""
    if t.edge is None:
        raise RuntimeError(f"{what}: this tensor does not depend on anything that requires a gradient")
    if gradient is None:
        if t.size != 1:
            raise RuntimeError(f"{what}: a gradient is needed for a result of shape {t.shape}; sum it first, or pass gradient=")
        return one(t)
    if not isinstance(gradient, Tensor):  # an array or a number will do
        gradient = Tensor(gradient, dtype=t.dtype, device=t.device)
    if gradient.shape != t.shape or gradient.dtype != t.dtype:
        raise ShapeError(
            f"{what}: the gradient must have the result's shape {t.shape} and dtype {t.dtype}. Received: shape {gradient.shape}, "
            f"dtype {gradient.dtype}"
        )
    return gradient


def backward(t: Tensor, gradient: Tensor | None = None, retain_graph: bool = False, create_graph: bool = False) -> None:
    """Add d t / d leaf to the `.grad` of every leaf that t was computed from.

    Args:
        t: the result; a single number unless `gradient` is given.
        gradient: d(objective)/d t, of t's shape and dtype. Default: 1.
        retain_graph: keep what was saved for the gradient, so that backward can be called again.
        create_graph: put the gradients on the tape, so that they can be differentiated. Implies retain_graph.

    Raises:
        RuntimeError: if t depends on nothing that requires a gradient, if the graph was walked before, or if a value was overwritten.
    """
    seed = seed_for(t, gradient, "backward()")
    walk = Walk(None, create_graph)
    assert t.edge is not None
    walk.prepare([t.edge])
    with enable_grad() if create_graph else no_grad():
        walk.run([(t.edge, seed)], retain_graph or create_graph)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    gradients: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> Any:
    """d outputs / d inputs as new tensors; no `.grad` is touched.

    Args:
        outputs: one result or several, which are summed.
        inputs: one tensor or several that the results were computed from.
        gradients: for outputs that are not single numbers, d(objective)/d output.
        retain_graph: as in `backward`; default: as create_graph.
        create_graph: put the gradients on the tape, so that they can be differentiated again.

    Returns:
        A tensor for a single input, else a list; None for an input that the results do not depend on.

    >>> import gpudl
    >>> x = gpudl.tensor(3.0, requires_grad=True)
    >>> first = gpudl.grad(x * x * x, x, create_graph=True)
    >>> gpudl.grad(first, x)
    Tensor(18., dtype=float32)
    """
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [gradients] * len(outs) if gradients is None or isinstance(gradients, Tensor) else list(gradients)
    if len(given) != len(outs):
        raise ValueError(f"grad(): {len(outs)} outputs but {len(given)} gradients")
    for t in ins:
        if t.edge is None:
            raise RuntimeError(f"grad(): an input of shape {t.shape} does not require a gradient")
    edges = [t.edge for t in ins if t.edge is not None]
    seeds = [(t.edge, seed_for(t, g, "grad()")) for t, g in zip(outs, given)]
    walk = Walk(edges, create_graph)
    walk.prepare([edge for edge, _ in seeds if edge is not None])
    retain = create_graph if retain_graph is None else retain_graph
    with enable_grad() if create_graph else no_grad():
        walk.run([(edge, g) for edge, g in seeds if edge is not None], retain)
        found = [walk.found.get(edge) for edge in edges]
    return found[0] if isinstance(inputs, Tensor) else found


_ones: dict[Any, Tensor] = {}


def one(t: Tensor) -> Tensor:
    """The 1 that a walk starts with; older than every recording."""
    key = (t.dtype, t.storage.backend, t.shape)
    found = _ones.get(key)
    if found is None:
        array = t.storage.backend.from_host(np.ones(t.shape, t.dtype))
        found = _ones[key] = wrap(array, Storage(array, t.storage.backend))
        found.storage.stamp = 0
    return found


# the ops that the walk itself needs --------------------------------------------------------------------------------------------


def broadcast(name: str, a: Any, b: Any) -> tuple[int, ...]:
    """The common shape of two operands of one dtype."""
    if a.dtype != b.dtype:
        raise DTypeError(f"[{name}] the operands have different dtypes: {a.dtype} and {b.dtype}")
    shape, other = a.shape, b.shape
    if shape == other or not other or (shape[-len(other) :] == other):  # the usual cases; np.broadcast_shapes takes 1.5 us
        return shape  # type: ignore[no-any-return]
    if not shape:
        return other  # type: ignore[no-any-return]
    try:
        return np.broadcast_shapes(shape, other)
    except ValueError:
        raise ShapeError(f"[{name}] shapes {shape} and {other} do not broadcast: from the right, axes must be equal or 1") from None


@lru_cache(maxsize=256)
def _ones_row(n: int, dtype: Any) -> Any:
    return np.ones(n, dtype)


def _sum_to(xp: Any, y: Any, x: Any, *shape: int) -> None:
    lead = x.ndim - y.ndim
    if lead == 1 and x.shape[1:] == y.shape and len(x) <= FEW_ROWS:  # the bias of a small batch: as fast as it goes
        if xp is np and x.ndim == 2 and x.dtype.kind == "f" and x.flags.c_contiguous:
            _ones_row(len(x), x.dtype).dot(x, y)  # a quarter of the time of sum()
        else:
            x.sum(0, out=y)
        return
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(y.shape) if n == 1 and x.shape[i + lead] != 1)
    sum_into(xp, y.reshape((1,) * lead + y.shape), x, axes)


def _add(xp: Any, y: Any, a: Any, b: Any) -> None:
    xp.add(a, b, out=y)


def _add_(xp: Any, y: Any, x: Any) -> None:
    y += x


def _assign_(xp: Any, y: Any, x: Any) -> None:
    y[...] = x


def _expand(xp: Any, y: Any, x: Any, *shape: int) -> None:
    y[...] = x


# the gradient of an expansion is its own gradient, which the walk sums back to the input's shape
EXPAND = Op("expand", lambda x, *shape: ((shape, x.dtype),), _expand, lambda ctx, g: (g,), twice=True)
SUM_TO = Op(
    "sum_to",
    lambda x, *shape: ((shape, x.dtype),),
    _sum_to,
    lambda ctx, g: (ctx.grad(0, EXPAND, (g,), ctx.input(0).shape),),
    saves=(0,),
    twice=True,
)
ADD = Op("add", lambda a, b: ((broadcast("add", a, b), a.dtype),), _add, lambda ctx, g: (g, g), twice=True)
ADD_ = Op("add_", None, _add_, updates=1)
ASSIGN_ = Op("assign_", None, _assign_, updates=1)

__all__ = [
    "ADD",
    "ADD_",
    "ASSIGN_",
    "COPY",
    "EXPAND",
    "SUM_TO",
    "Context",
    "apply",
    "backward",
    "broadcast",
    "enable_grad",
    "grad",
    "no_grad",
    "remember",
    "view",
]
