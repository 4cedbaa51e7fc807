"""See what a program's time goes to: `profile()` times every kernel, eager or replayed; `GPUDL_DEBUG` says each as it is launched.

>>> import gpudl
>>> with gpudl.profile(show=False) as seen:
...     y = gpudl.ones((2, 3)) @ gpudl.ones((3, 4))
>>> [(row.name, row.calls) for row in seen.kernels() if row.name == "matmul"]
[('matmul', 1)]
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

from . import env
from .errors import BackendError

if TYPE_CHECKING:
    from .backends import Backend

WAITING = 4096  # launches whose times are not asked for yet: on a GPU that means to wait for them


@dataclass(frozen=True)
class Facts:
    """What one kernel call is: the op, the layer that asked for it, the shapes it writes and reads, and its work."""

    op: str
    layer: str | None
    outs: tuple[tuple[int, ...], ...]
    ins: tuple[tuple[int, ...], ...]
    attrs: tuple[Any, ...]
    dtype: str
    bytes: int
    flops: int


def facts_of(op: str, layer: str | None, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> Facts:
    """Facts of a call on arrays. Bytes: each operand once; FLOP: of products and convolutions, else 0."""
    shapes = tuple(tuple(a.shape) for a in outs), tuple(tuple(a.shape) for a in ins)
    moved = sum(math.prod(a.shape) * a.dtype.itemsize for a in (*outs, *ins))
    dtype = outs[0].dtype.name if len(outs) else ""
    return Facts(op, layer, *shapes, attrs, dtype, moved, flops_of(op, *shapes, attrs))


def flops_of(op: str, outs: Sequence[tuple[int, ...]], ins: Sequence[tuple[int, ...]], attrs: tuple[Any, ...]) -> int:
    """Two for each multiply-add of a product or a convolution; 0 for other ops, which memory bounds.

    >>> flops_of("matmul", [(2, 4)], [(2, 3), (3, 4)], (False, False))
    48
    """
    if op.startswith("matmul"):
        return 2 * math.prod(outs[0]) * ins[0][-2 if attrs[0] else -1]
    if op.startswith("conv2d_grad_kernel"):  # dk (R, S, C / groups, K), of x and g (N, P, Q, K)
        return 2 * math.prod(outs[0]) * math.prod(ins[1][:3])
    if op.startswith(("conv2d_grad_input", "conv2d_act_grad")):  # of g (N, P, Q, K) and k (R, S, C / groups, K)
        return 2 * math.prod(ins[0]) * math.prod(ins[1][:3])
    if op.startswith("conv2d"):
        return 2 * math.prod(outs[0]) * math.prod(ins[1][:3])
    return 0


@dataclass(frozen=True)
class Row:
    """A line of a profile: how often, how long in all (microseconds), its share of all kernels' time, and how fast."""

    name: str
    calls: int
    us: float
    share: float
    gb_per_s: float
    gflop_per_s: float

    def __str__(self) -> str:
        rate = f"{self.gflop_per_s:10.1f}" if self.gflop_per_s else f"{'-':>10}"
        return f"{self.name[:36]:36} {self.calls:>7} {self.us:>11.1f} {self.share:>6.1%} {self.gb_per_s:>8.2f} {rate}"


@dataclass(frozen=True)
class Event:
    """One kernel call, by microseconds since the profile began."""

    facts: Facts
    start: float
    us: float


class profile:  # a context manager, used like a function
    """Time every kernel that runs within a `with` block, of eager ops and of replayed steps, on every device.

    Where kernels run one after the other on the host, each is timed by the clock; on a GPU by events on the stream, so that the host
    does not wait for each. Writing down costs a few microseconds a call: small nets run slower while they are watched.

    Args:
        trace: where to write a trace file for chrome://tracing or ui.perfetto.dev. Default: none.
        show: print the tables at the end of the block. Default True.

    After the block: `kernels()` and `layers()` give the rows, `events` every call, `wall_us` the time of the whole block, `str()` the
    tables, `save(path)` writes the trace. Calls outside any layer (loss, metrics, optimizer) stand in one row.

    Raises:
        RuntimeError: if another profile is being taken.

    >>> import gpudl
    >>> model = gpudl.Sequential([gpudl.layers.Dense(3, name="small")])
    >>> with gpudl.profile(show=False) as seen:
    ...     y = model(gpudl.ones((2, 4)))
    >>> [row.name for row in seen.layers() if row.name == "small"]
    ['small']
    """

    def __init__(self, trace: str | PathLike[str] | None = None, show: bool = True) -> None:
        self._trace, self._show = trace, show
        self.events: list[Event] = []
        self.wall_us = 0.0
        self.devices: list[str] = []
        self._begun = 0.0
        self._started: Any = None
        self._zero: dict[Backend, Any] = {}  # when the profile began, by each device's clock
        self._waiting: list[tuple[Backend, Facts, Any, Any]] = []

    def __enter__(self) -> profile:
        if state.watcher is not None and not isinstance(state.watcher, Teller):
            raise RuntimeError("[profile] another profile is being taken")
        self._before, state.watcher = state.watcher, self
        self._begun = time.perf_counter()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        state.watcher = self._before
        self._settle()
        self.wall_us = (time.perf_counter() - self._begun) * 1e6
        self.events.sort(key=lambda event: event.start)
        if kind is None:
            if self._trace is not None:
                self.save(self._trace)
            if self._show:
                print(self)

    # what op.py and plan.py call ---------------------------------------------------------------------------------------------

    def begin(self, backend: Backend) -> None:
        """A kernel is about to be launched."""
        if backend not in self._zero:
            self._zero[backend] = backend.mark()
            self.devices.append(backend.device)
        self._started = backend.mark()

    def end(self, backend: Backend, op: str, layer: str | None, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> None:
        """It was launched."""
        now = backend.mark()
        self._waiting.append((backend, facts_of(op, layer, outs, ins, attrs), self._started, now))
        if len(self._waiting) >= WAITING:
            self._settle()
        self._started = backend.mark()  # a call that launched another one goes on from here: no time counts twice

    def _settle(self) -> None:
        for backend, facts, start, end in self._waiting:
            self.events.append(Event(facts, backend.between(self._zero[backend], start), backend.between(start, end)))
        self._waiting.clear()

    # what the user reads -----------------------------------------------------------------------------------------------------

    def _rows(self, name_of: Callable[[Facts], str]) -> list[Row]:
        groups: dict[str, list[Event]] = {}
        for event in self.events:
            groups.setdefault(name_of(event.facts), []).append(event)
        total = sum(event.us for event in self.events) or 1.0
        rows = [row_of(name, found, total) for name, found in groups.items()]
        return sorted(rows, key=lambda row: -row.us)

    def kernels(self) -> list[Row]:
        """A row for each op, the longest first."""
        return self._rows(lambda facts: facts.op)

    def layers(self) -> list[Row]:
        """A row for each layer, forward and backward together, the longest first."""
        return self._rows(lambda facts: facts.layer or "(outside layers)")

    def __str__(self) -> str:
        spent = sum(event.us for event in self.events)
        share = spent / self.wall_us if self.wall_us else 0.0
        where = ", ".join(self.devices) or "no device"
        lines = [f"{len(self.events)} kernel calls on {where}: {spent:,.1f} us, {share:.0%} of {self.wall_us:,.1f} us"]
        for title, rows in (("layer", self.layers()), ("kernel", self.kernels())):
            lines += ["", f"{title:36} {'calls':>7} {'us':>11} {'share':>6} {'GB/s':>8} {'GFLOP/s':>10}", *map(str, rows)]
        return "\n".join(lines)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a trace file: one bar for each kernel call, with its layer, shapes and rates."""
        events = [
            {
                "name": event.facts.op, "cat": event.facts.layer or "", "ph": "X", "pid": 0, "tid": 0, "ts": event.start, "dur": event.us,
                "args": {
                    "layer": event.facts.layer, "outs": event.facts.outs, "ins": event.facts.ins, "dtype": event.facts.dtype,
                    "attrs": [repr(a) for a in event.facts.attrs], "bytes": event.facts.bytes, "flops": event.facts.flops,
                },
            }
            for event in self.events
        ]  # fmt: skip
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"displayTimeUnit": "ns", "traceEvents": events}, file)


def row_of(name: str, events: Iterable[Event], total: float) -> Row:
    events = list(events)
    us = sum(event.us for event in events)
    rate = 1e-3 / us if us else 0.0  # per microsecond to 10^9 per second
    moved, flops = (sum(getattr(event.facts, what) for event in events) for what in ("bytes", "flops"))
    return Row(name, len(events), us, us / total, moved * rate, flops * rate)


class Teller:
    """GPUDL_DEBUG and GPUDL_SYNC: waits for each kernel, says what it was, and names the one that failed."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.started: Any = None
        self.told: set[str] = set()

    def begin(self, backend: Backend) -> None:
        if self.level and backend.device not in self.told:
            self.told.add(backend.device)
            self.say(f"{backend.device}: path {backend.name}")
        self.started = backend.mark()

    def end(self, backend: Backend, op: str, layer: str | None, outs: Sequence[Any], ins: Sequence[Any], attrs: tuple[Any, ...]) -> None:
        end = backend.mark()
        facts = facts_of(op, layer, outs, ins, attrs)
        try:
            backend.synchronize()
        except Exception as error:
            inside = f" in layer {layer!r}" if layer else ""
            raise BackendError(
                f"[{op}]{inside} failed on {backend.device}: {error}. Received: {facts.ins}, attributes {attrs}; outputs {facts.outs}"
            ) from error
        if self.level >= 2:
            row = row_of(facts.op, [Event(facts, 0.0, backend.between(self.started, end))], 1.0)
            rate = f"{row.gflop_per_s:9.1f} GFLOP/s" if facts.flops else ""
            self.say(f"{facts.op:28} {row.us:9.1f} us {row.gb_per_s:8.2f} GB/s {rate:17} {facts.layer or ''}".rstrip())
        if self.level >= 3:
            for line in backend.explain(op, outs, ins, attrs):
                self.say(f"    {line}")
        if self.level >= 4:
            self.say(f"    {facts.dtype} {facts.outs} <- {facts.ins} ; {attrs}")
        self.started = backend.mark()

    @staticmethod
    def say(line: str) -> None:
        print(f"gpudl: {line}", file=sys.stderr)


Watcher = profile | Teller


class State:
    """Who watches kernel calls now: nobody, a profile, or the teller of GPUDL_DEBUG."""

    watcher: Watcher | None = None


state = State()


def from_environment() -> Watcher | None:
    """The teller, if GPUDL_DEBUG or GPUDL_SYNC ask for one."""
    level = env.DEBUG.read()
    return Teller(level) if level or env.SYNC.read() else None


state.watcher = from_environment()

__all__ = ["Event", "Facts", "Row", "Teller", "facts_of", "flops_of", "profile", "state"]
