"""Write down the kernel calls of a step (`Recording`), find memory for them (`plan_memory`), run them again (`Plan`).

A storage is a temporary of the step if and only if the first thing the step did to it was to write all of it, and nobody holds it when the
step has returned. Everything else stays at its address.
"""

from __future__ import annotations

import math
import sys
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from . import config
from .backends import Backend
from .peephole import Members, free_of_charge, fuse
from .profiling import Watcher
from .profiling import state as watching
from .tensors import SEEN, Leaf, Storage, Tensor, mode, tick

if TYPE_CHECKING:
    from .op import Op


class Operand(NamedTuple):
    """A view by position: which storage, where in it, what it looks like. Strides belong to it: layout is part of a result's bits."""

    slot: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any


class Call(NamedTuple):
    op: Op
    outs: tuple[Operand, ...]
    ins: tuple[Operand, ...]
    attrs: tuple[Any, ...]


@dataclass
class Slot:
    """The life of one storage within the step."""

    storage: weakref.ref[Storage]
    nbytes: int
    root: Any  # the array, if it stays where it is: an input, a parameter, a constant, a result; None for a temporary
    input: int | None = None  # which of the step's inputs it is
    read_first: bool = False  # its contents come from before the step
    written: bool = False
    address: int | None = None  # of the recorded root, found when a view of it is met


class Recording:
    """Everything that passed launch() during one real step, without keeping any temporary alive."""

    def __init__(self, inputs: Sequence[Tensor] = ()) -> None:
        self.calls: list[Call] = []
        self.layers: list[str | None] = []  # whose each call is, for profiles
        self.slots: list[Slot] = []
        self.refusal: str | None = None
        self.leaves: dict[Leaf, Any] = {}  # the array of its gradient before; False: it had none; None: the step cleared it first
        self.tables: dict[Any, int] = {}  # optimizers that `prepare` for each step, and how often the step uses each
        self.start = tick()
        self.inputs: dict[Storage, int] = {}
        for i, t in enumerate(inputs):
            self.inputs.setdefault(t.storage, i)

    def __enter__(self) -> Recording:
        if mode.recorder is not None:
            raise RuntimeError("a step is already being recorded")
        mode.recorder = self
        return self

    def __exit__(self, *_: object) -> None:
        mode.recorder = None
        self.inputs = {}

    def refuse(self, why: str) -> None:
        """This step cannot be replayed: note why, and at which line of the user."""
        if self.refusal is None:
            frame = sys._getframe(2)
            while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
                frame = frame.f_back
            self.refusal = f"{why} ({frame.f_code.co_filename}:{frame.f_lineno})"

    def note_table(self, optimizer: Any) -> None:
        """The step looks up its learning rate: `optimizer.prepare(times, uses)` is asked before each replay how many steps may run."""
        self.tables[optimizer] = self.tables.get(optimizer, 0) + 1

    def note_leaf(self, leaf: Leaf, cleared: bool = False) -> None:
        """The step reads or sets a gradient: a replay is only right if it was there, or not there, as now."""
        if leaf not in self.leaves:
            self.leaves[leaf] = None if cleared else leaf.grad is not None and leaf.grad.array

    def append(self, op: Op, outs: Sequence[Tensor], ins: Sequence[Tensor], attrs: tuple[Any, ...]) -> None:
        fresh = len(outs) - op.updates
        reads = tuple([self.operand(t, writes=False, updates=False) for t in ins])
        writes = tuple([self.operand(t, writes=i < fresh, updates=i >= fresh) for i, t in enumerate(outs)])
        self.calls.append(Call(op, writes, reads, tuple(attrs)))
        self.layers.append(mode.layer)

    def operand(self, t: Tensor, writes: bool, updates: bool) -> Operand:
        storage = t.storage if t.storage.parent is None else t.storage.parent
        array, root = t.array, storage.root
        backend = storage.backend
        if storage.slot is None or storage.slot[0] is not self:
            whole = writes and array.nbytes == root.nbytes and array.flags.c_contiguous
            if not writes and storage.stamp > self.start and storage not in self.inputs:  # born during the step, but not by a kernel
                self.refuse("an array made on the host entered the step; make constants in build()")
            storage.slot = (self, len(self.slots))
            input_number = self.inputs.get(storage)
            kept = None if whole else root
            self.slots.append(Slot(weakref.ref(storage), root.nbytes, kept, input_number, read_first=not whole))
        index = storage.slot[1]
        slot = self.slots[index]
        offset = 0
        slot.written |= writes or updates
        if array is not root:
            if slot.address is None:
                slot.address = backend.address(root)
            offset = backend.address(array) - slot.address if array.size else 0
        return Operand(index, offset, array.shape, array.strides, array.dtype)

    def settle(self) -> Recording:
        """After the step has returned and let go of its tensors: whatever is still alive was meant to be seen, and stays."""
        for slot in self.slots:
            alive = slot.storage()
            if alive is not None:
                slot.root = alive.root
                alive.slot = SEEN
        return self

    def difference(self, other: Recording) -> str | None:
        """What tells this step from another one, or None if one may stand for the other."""
        for x, y in zip(self.calls, other.calls):
            if x != y:
                return f"[{x.op.name}] {x.attrs} {[o.shape for o in x.outs]}, then [{y.op.name}] {y.attrs} {[o.shape for o in y.outs]}"
        if len(self.calls) != len(other.calls):
            return f"{len(self.calls)} calls, then {len(other.calls)}"
        for number, (a, b) in enumerate(zip(self.slots, other.slots)):
            if a.input != b.input:
                return "another input was used"
            if a.read_first and a.input is None and a.root is not b.root:
                name = next((c.op.name for c in self.calls for o in (*c.outs, *c.ins) if o.slot == number), "?")
                return f"[{name}] reads a constant that was another tensor before; make constants in build()"
        mine, theirs = list(self.leaves.items()), list(other.leaves.items())
        if len(mine) != len(theirs) or any(a is not c or b is not d for (a, b), (c, d) in zip(mine, theirs)):
            return "gradients were there before one step and not before the other, or lay elsewhere"
        return None


def lives_of(calls: Sequence[Call]) -> dict[int, tuple[int, int]]:
    """Storage -> the numbers of the first and the last call that touch it."""
    found: dict[int, tuple[int, int]] = {}
    for number, call in enumerate(calls):
        for o in (*call.outs, *call.ins):
            found[o.slot] = found.get(o.slot, (number, number))[0], number
    return found


def plan_memory(lives: Sequence[tuple[int, int, int]], align: int = 64) -> tuple[list[int], int]:
    """(first, last, bytes) per buffer -> offsets, total. Largest first, each in the lowest gap that is free for its whole life.

    >>> plan_memory([(0, 1, 100), (1, 2, 50), (2, 3, 100)])
    ([0, 128, 0], 192)
    """
    offsets, total = [0] * len(lives), 0
    placed: list[tuple[int, int, int, int]] = []
    for i in sorted(range(len(lives)), key=lambda i: -lives[i][2]):
        first, last, size = lives[i]
        size = -(-max(size, 1) // align) * align
        at = 0
        for start, end, a, b in placed:
            if a <= last and first <= b and start < at + size and end > at:  # lives meet, places meet
                at = end
        offsets[i] = at
        placed.append((at, at + size, first, last))
        placed.sort()
        total = max(total, at + size)
    return offsets, total


AHEAD = 64  # how many steps may wait on a GPU, so that Ctrl-C acts soon
NOT_MADE: Any = object()  # of a plan's graph: nobody asked for it yet


def unbound() -> None:
    raise RuntimeError("a plan was run without its inputs; this is a bug of gpudl")


class Workspace:
    """Memory that the plans of one model take turns in: between two steps no temporary is alive."""

    def __init__(self) -> None:
        self.memory: dict[Backend, Any] = {}

    def take(self, backend: Backend, nbytes: int) -> Any:
        memory = self.memory.get(backend)
        if memory is None or nbytes > memory.nbytes:  # plans made before keep the memory they have
            memory = self.memory[backend] = backend.arena(nbytes, zero=True)
        return memory


class Plan:
    """A recording with memory: temporaries in one arena, everything else where it was. Runs of calls may be fused: see `peephole`."""

    def __init__(self, recording: Recording, inputs: Sequence[Tensor] = (), workspace: Workspace | None = None) -> None:
        self.recording = recording
        self.backend = self._backend(recording, inputs)
        workspace = workspace or Workspace()
        declined: set[Members] = set()
        while True:
            refused = self._lay_out(declined, inputs, workspace)
            if not refused:
                break
            declined |= refused  # a compiled kernel does not take the operands as they lie: their parts run one by one
        self.written = [s for s in (slot.storage() for slot in recording.slots if slot.written and slot.input is None) if s is not None]
        self.written_inputs = [slot.input for slot in recording.slots if slot.written and slot.input is not None]
        self.leaves = [(leaf, before, leaf.grad) for leaf, before in recording.leaves.items()]
        self.results: Any = None  # what the step returned, and which tensors of it look into which input: {storage: number}

    def _lay_out(self, declined: set[Members], inputs: Sequence[Tensor], workspace: Workspace) -> set[Members]:
        """Choose the calls, give temporaries their places, bind. Returns which fused calls no compiled kernel takes."""
        slots, recorded = self.recording.slots, self.recording.calls
        temporary, nbytes = [s.root is None for s in slots], [s.nbytes for s in slots]
        if config.fusion():
            fused, further = fuse(recorded, temporary, lambda call, parts: parts not in declined and self._pays(call, parts))
        else:
            fused, further = [(call, (i,)) for i, call in enumerate(recorded)], []
        temporary, nbytes = [*temporary, *[True] * len(further)], [*nbytes, *further]
        self.program = [call for call, _ in fused]
        self.layers = [self.recording.layers[min(members)] for _, members in fused]
        self.parts = [tuple([recorded[i].op.name for i in sorted(members)]) for _, members in fused]
        calls, lives = self.program, lives_of(self.program)
        placed = [i for i, given in enumerate(temporary) if given and i in lives]
        sizes = [(*lives[i], nbytes[i]) for i in placed]
        offsets, self.arena_bytes = plan_memory(sizes)
        self.temporary_bytes = sum(n for _, _, n in sizes)
        self.dying: list[list[Any]] = [[] for _ in calls]  # temporaries by the call that uses them last
        arena = workspace.take(self.backend, self.arena_bytes)
        self.roots = [None if s.root is None else self.backend.flat_bytes(s.root) for s in slots] + [None] * len(further)
        for i, at in zip(placed, offsets):
            self.roots[i] = arena[at : at + nbytes[i]]
            self.dying[lives[i][1]].append(self.roots[i])
        self.operands = [[self._view(o) for o in (*c.outs, *c.ins)] for c in calls]
        self.bound = [t.storage.root for t in inputs]
        self.uses: list[list[tuple[int, int]]] = [[] for _ in inputs]  # where each input is used, to bind other data of the same kind
        for number, call in enumerate(calls):
            for k, o in enumerate((*call.outs, *call.ins)):
                which = slots[o.slot].input if o.slot < len(slots) else None
                if which is not None:
                    self.uses[which].append((number, k))
        self.inputs: Sequence[Tensor] = inputs
        compiled = [self._compiled(number) if len(members) > 1 else None for number, (_, members) in enumerate(fused)]
        refused = {m for (c, m), found in zip(fused, compiled) if found is None and len(m) > 1 and c.op.name in self.backend.table}
        if not refused:
            self.references: set[int] = set()  # the calls that no compiled kernel does
            self.calls = [found or self._bind(number) for number, found in enumerate(compiled)]
            self.graph: Any = NOT_MADE
        return refused

    def _pays(self, call: Call, parts: Members) -> bool:
        """Whether a fused call is worth it: a compiled kernel does it, or the reference at no cost, in the place of references."""
        table = self.backend.table
        if call.op.name in table:
            return True
        if self.backend.expects_kernels or any(self.recording.calls[i].op.name in table for i in parts):
            return False
        return free_of_charge(call, parts)

    @staticmethod
    def _backend(recording: Recording, inputs: Sequence[Tensor]) -> Backend:
        for slot in recording.slots:
            storage = slot.storage()
            if storage is not None:
                return storage.backend
        if inputs:
            return inputs[0].storage.backend
        from . import backends

        return backends.get()

    def _view(self, o: Operand) -> Any:
        return self.backend.view(self.roots[o.slot], o.offset, o.shape, o.strides, o.dtype)

    def _bind(self, number: int) -> Callable[[], Any]:
        compiled = self._compiled(number)
        if compiled is not None:
            self.references.discard(number)
            return compiled
        self.references.add(number)
        call, views = self.program[number], self.operands[number]
        n = len(call.outs)
        return self.backend.bind(call.op, tuple(views[:n]), tuple(views[n:]), call.attrs)

    def _whole(self) -> Callable[[], Any] | None:
        """One launch for the whole step, where the device has such a thing and every call is a compiled kernel."""
        if self.graph is NOT_MADE:
            self.graph = None
            if not self.references:
                try:
                    self.graph = self.backend.graph(self.calls)
                except Exception as error:
                    why = f"{type(error).__name__}: {error}"
                    warnings.warn(f"a step is launched kernel by kernel, since no graph could be made of it: {why}", RuntimeWarning, 2)
        whole: Callable[[], Any] | None = self.graph
        return whole

    def _compiled(self, number: int) -> Callable[[], Any] | None:
        call, views = self.program[number], self.operands[number]
        n = len(call.outs)
        return (
            self.backend.bind_compiled(call.op, tuple(views[:n]), tuple(views[n:]), call.attrs)
            if call.op.name in self.backend.table
            else None
        )

    def bind(self, inputs: Sequence[Tensor]) -> None:
        """Point the plan at other inputs of the same shapes and dtypes, e.g. the data of the next fit()."""
        changed = set()
        self.inputs = inputs
        for n, t in enumerate(inputs):
            root = t.storage.root
            if root is not self.bound[n]:
                self.bound[n], memory = root, self.backend.flat_bytes(root)
                for number, k in self.uses[n]:
                    call = self.program[number]
                    o = (*call.outs, *call.ins)[k]
                    self.operands[number][k] = self.backend.view(memory, o.offset, o.shape, o.strides, o.dtype)
                    changed.add(number)
        for number in changed:
            self.calls[number] = self._bind(number)
        if changed:
            self.graph = NOT_MADE

    def release(self) -> None:
        """Let go of the inputs' memory until the next `bind`: a plan outlives the data it was made with."""
        self.inputs, self.bound, self.graph = (), [None] * len(self.bound), NOT_MADE
        for uses in self.uses:
            for number, k in uses:
                self.operands[number][k] = None
                self.calls[number] = unbound
        for i, slot in enumerate(self.recording.slots):
            if slot.input is not None:
                slot.root = self.roots[i] = None

    def fits_gradients(self) -> bool:
        """Whether each gradient that the step adds to is there, or not there, as it was when the step was recorded."""
        for leaf, before, _ in self.leaves:
            if before is not None and before is not (False if leaf.grad is None else leaf.grad.array):
                return False
        return True

    def run(self, times: int = 1) -> None:
        """Run the step. Python handles signals between two calls."""
        calls, whole = self.calls, None if watching.watcher is not None else self._whole()
        try:
            with self.backend.guard():
                for done in range(times):
                    if watching.watcher is not None:
                        self._run_watched(watching.watcher)
                    elif whole is not None:
                        whole()
                        if done % AHEAD == AHEAD - 1:
                            self.backend.synchronize()
                    else:
                        for call in calls:
                            call()
        finally:  # an interrupted step has written, too
            self._finish()

    def _run_watched(self, watcher: Watcher) -> None:
        for number, call in enumerate(self.calls):
            recorded, arrays = self.program[number], self.operands[number]
            n = len(recorded.outs)
            watcher.begin(self.backend)
            call()
            watcher.end(self.backend, recorded.op.name, self.layers[number], arrays[:n], arrays[n:], recorded.attrs)

    def run_poisoned(self, times: int = 1) -> None:
        """The same, but every temporary turns to NaN when its planned life ends: a wrong lifetime cannot hide."""
        try:
            with self.backend.guard():
                for _ in range(times):
                    for call, dying in zip(self.calls, self.dying):
                        call()
                        for memory in dying:
                            memory.fill(0xFF)
        finally:
            self._finish()

    def _finish(self) -> None:
        now = tick()
        for storage in self.written:
            storage.stamp = now
        for number in self.written_inputs:
            self.inputs[number].storage.stamp = now
        for leaf, _, after in self.leaves:
            leaf.grad = after

    def describe(self) -> str:
        """One line a kernel call: op, shapes, attributes, bytes of its operands, for a fused one what it stands for. Then the memory."""
        lines = []
        for call, parts in zip(self.program, self.parts):
            outs, ins = ", ".join(str(o.shape) for o in call.outs), ", ".join(str(i.shape) for i in call.ins)
            kind = "compiled" if call.op.name in self.backend.table else "reference"
            size = sum(math.prod(o.shape) * o.dtype.itemsize for o in (*call.outs, *call.ins))
            line = f"{call.op.name:32s} {kind:9s} {outs} <- {ins} {call.attrs if call.attrs else ''}".rstrip() + f" {size} bytes"
            lines.append(line + (f" = {' + '.join(parts)}" if len(parts) > 1 else ""))
        lines.append(f"{len(self.program)} calls, temporaries {self.temporary_bytes} bytes, arena {self.arena_bytes} bytes")
        return "\n".join(lines)
