"""Time ours, the peers and the floor in alternating rounds: the `race` fixture.

pytest-benchmark gets our rounds; peer, ratio, floor and error stand beside them in `extra_info` and in a line of the report. No benchmark
asserts a time. PEER=torch,jax,keras,cupy,numpy chooses the peers (default: numpy alone). Ratios count, single times do not: machines are
noisy.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

KNOWN = ("numpy", "torch", "jax", "keras", "cupy")
LINES: list[str] = []
SHORT = 0.02  # seconds


def wanted_peers() -> list[str]:
    names = [name.strip() for name in os.environ.get("PEER", "numpy").split(",") if name.strip()]
    for name in names:
        if name not in KNOWN:
            raise pytest.UsageError(f"PEER={name!r} is unknown; choose from {', '.join(KNOWN)}")
    return names


class Race:
    """Runs the rounds of one benchmark and writes down what came out."""

    def __init__(self, benchmark: Any, name: str) -> None:
        self.benchmark, self.name = benchmark, name
        self.cpu: dict[str, list[float]] = {}
        self.wall: dict[str, list[float]] = {}

    def __call__(
        self,
        ours: Callable[[], Any],
        peers: dict[str, Callable[[], Callable[[], Any] | None]],
        floor: Callable[[], Any],
        error: Callable[[], float],
        steps: int = 1,
        rounds: int = 15,
        warmup: int = 5,
    ) -> None:
        """Race.

        Args:
            ours: one round of ours, `steps` steps.
            peers: name -> maker of one round of the same work; None where there is no such peer for this work. Makers may import.
            floor: the least work that must be done: the bare matrix products.
            error: our largest relative error in the work's result, against float64.
            steps: steps a round, for times per step.
            rounds, warmup: how many rounds count, and how many do not.
        """
        if self.benchmark.disabled:  # `make test`: once, untimed
            self.benchmark(ours)
            assert error() < 1e-3
            return
        lanes: dict[str, Callable[[], Any]] = {"floor": floor}
        for name in wanted_peers():
            made = peers[name]() if name in peers else None
            if made is not None:
                lanes[name] = made
        for _ in range(warmup):
            for lane in lanes.values():
                lane()
            ours()

        def others() -> None:
            for name, lane in lanes.items():
                self.clock(name, lane)
            if "ours" not in self.wall or self.wall["ours"][-1] < SHORT:
                ours()

        self.benchmark.pedantic(lambda: self.timed("ours", ours), setup=others, rounds=rounds, iterations=1)
        self.report(list(lanes), steps, error())

    def clock(self, name: str, run: Callable[[], Any]) -> None:
        """Time one round. A short one runs once untimed just before: what ran in between has emptied the caches, and who comes after a
        heavy peer would pay for it."""
        if not self.wall.get(name) or self.wall[name][-1] < SHORT:
            run()
        self.timed(name, run)

    def timed(self, name: str, run: Callable[[], Any]) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        run()
        self.cpu.setdefault(name, []).append(time.process_time() - cpu)
        self.wall.setdefault(name, []).append(time.perf_counter() - wall)

    def report(self, lanes: list[str], steps: int, error: float) -> None:
        info = self.benchmark.extra_info
        info["error"] = error
        words = [f"{self.name}: ours {1e6 * statistics.median(self.wall['ours']) / steps:,.1f} µs a step"]
        for name in lanes:
            for kind, times in (("wall", self.wall), ("cpu", self.cpu)):
                ratio = statistics.median(a / max(b, 1e-12) for a, b in zip(times["ours"], times[name]))
                info[f"{name}_us_per_step_{kind}"] = 1e6 * statistics.median(times[name]) / steps
                info[f"ratio_to_{name}_{kind}"] = ratio
            words.append(f"ours/{name} {info[f'ratio_to_{name}_wall']:.2f} (cpu {info[f'ratio_to_{name}_cpu']:.2f})")
        words.append(f"error {error:.1e}")
        LINES.append("  ".join(words))


@pytest.fixture
def race(benchmark: Any, request: pytest.FixtureRequest) -> Race:
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "GPUDL_THREADS")
    pins = {k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_") or k in threads}
    benchmark.extra_info["pins"] = pins
    return Race(benchmark, request.node.name)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if LINES:
        terminalreporter.section("ours beside the peers: medians, ratios by rounds (below 1: ours is faster)")
        pins = {k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_")}
        if pins:
            terminalreporter.write_line(f"pinned in the environment, which may halve NumPy's speed: {pins}")
        for line in LINES:
            terminalreporter.write_line(line)
