"""The checked build catches each planted bug, under every schedule, in words that name kernel, line, block and thread; healthy twins pass.

The kernels are in kernels/planted.cu and kernels/planted_sm90.cu. A bug whose only sign is a wrong number is caught by the comparison.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import ml_dtypes
import numpy as np
import pytest
from emulated import CHECKED, MODULES, SCHEDULES, call, poisoned

pytestmark = pytest.mark.skipif(
    not MODULES or "planted_sum" not in MODULES[0].kernels(),
    reason="the emulation was built without tests/native/kernels (GPUDL_EXTRA_KERNELS)",
)
KERNELS = Path(__file__).parent / "kernels"
WRONG_NUMBERS = "wrong numbers"

RACE = r"data race on {}: the (read|write|atomic update) by thread .* is not ordered after the (read|write|atomic update) by thread"
ARRAY = RACE.format(r"array 'outs\[0\]' element \d+")
OUTSIDE = r"out-of-bounds {} of 4 bytes at {} at"
DEADLOCK = r"deadlock: no thread of the block can go on"
DIVERGENT = r"divergent warp operation: __shfl_xor_sync \(mask 0xffffffff\) while other lanes wait in __shfl_xor_sync"


def shared(name: str) -> str:
    return RACE.format(f"shared memory '{name}' byte \\d+.*")


def unwritten(name: str) -> str:
    return f"read of uninitialised shared memory '{name}' byte \\d+"


# (kernel, bug): what is said, and a piece of the source line that the message must name; "" where it names no line
BUGS: dict[tuple[str, int], tuple[str, str]] = {
    ("bounds", 1): (OUTSIDE.format("read", r"array 'ins\[0\]' element 512 of 512"), "bug == 1"),
    ("bounds", 2): (OUTSIDE.format("read", r"array 'ins\[0\]' element -1 of 512"), "bug == 2"),
    ("bounds", 3): (OUTSIDE.format("write", r"array 'outs\[0\]' element 512 of 512"), "bug == 3"),
    ("bounds", 4): (r"write to the input array 'ins\[0\]' element \d+", "bug == 4"),
    ("bounds", 5): (OUTSIDE.format("read", "an address that belongs to no array of this launch,"), "bug == 5"),
    ("bounds", 6): (r"misaligned access: 16 bytes at an address that is 4 past", "const float4*>(x + i + 1)"),
    ("bounds", 7): (OUTSIDE.format("read", r"array 'ins\[0\]' element 512 of 512"), "const float4*>(x + i + 4)"),
    ("global", 1): (ARRAY, "bug == 1"),
    ("global", 2): (ARRAY, "bug == 2"),
    ("global", 3): (ARRAY, "bug == 3"),
    ("global", 4): (ARRAY, "bug == 4"),
    ("global", 5): (ARRAY, "bug == 5"),
    ("warp", 1): (f"{unwritten('exchange')}|{shared('exchange')}", "exchange[warp][31 - lane]"),
    ("warp", 2): (shared("exchange"), "exchange[warp]"),
    ("sum", 1): (f"{unwritten('partial')}|{shared('partial')}", "v += partial[i]"),
    ("sum", 2): (shared("partial"), "partial[threadIdx.x / 32] = v"),
    ("sum", 3): (OUTSIDE.format("read", "shared memory 'partial' byte 16"), "v += partial[i]"),
    ("sum", 4): (DEADLOCK, "__syncthreads()"),
    ("sum", 5): (f"{DIVERGENT}|{DEADLOCK}", "__shfl_xor_sync"),
    ("sum", 6): (r"divergent __syncthreads\(\): other threads of the block wait at", "__syncthreads()"),
    ("sum", 7): (r"__shfl_xor_sync: the calling lane \d+ is not in the mask", "0xffff0000u"),
    ("sum", 8): (DIVERGENT, "__shfl_xor_sync(all, s, "),
    ("tile", 1): (unwritten("dynamic"), "tile[threads - 1 - t]"),
    ("tile", 2): (OUTSIDE.format("write", "shared memory 'dynamic' byte 512"), "bug == 2"),
    ("tile", 3): (f"{unwritten('dynamic')}|{shared('dynamic')}", "tile[threads - 1 - t]"),
    ("tile", 4): (shared("dynamic"), "tile["),
    ("tile", 5): (unwritten("padded"), "padded[t / 32]"),
    ("tile", 6): (OUTSIDE.format("read", "shared memory 'padded' byte 528"), "4 * 33"),
    ("last_block", 1): (RACE.format(r"array 'outs\[1\]' element \d+"), "partial["),
    ("last_block", 2): (RACE.format(r"array 'outs\[1\]' element \d+"), "partial["),
    ("barriers", 1): (f"{DEADLOCK}|mbarrier: more arrivals in one phase than it expects|{shared('slots')}|{unwritten('slots')}", ""),
    ("barriers", 2): (DEADLOCK, "mbarrier_wait"),
    ("barriers", 3): (f"{shared('(empty|full)')}|mbarrier used before mbarrier.init", "mbarrier_"),
    ("barriers", 4): (DEADLOCK, "mbarrier_wait"),
    ("barriers", 5): (DEADLOCK, "mbarrier_wait"),
    ("barriers", 6): (f"{shared('slots')}|{unwritten('slots')}|mbarrier: more arrivals", ""),
    ("barriers", 7): (f"{DEADLOCK}|barrier 1 for \\d+ threads, but those at .* expect \\d+", "named_barrier_sync(1"),
    ("barriers", 8): (DEADLOCK, "named_barrier_sync(2"),
    ("barriers", 9): ("mbarrier used before mbarrier.init", "never"),
    ("copies", 1): ("read of shared memory 'tiles' byte \\d+ at .* before the cp.async to it was waited for", "tiles[step % 2]"),
    ("copies", 2): (f"{shared('tiles')}|before the cp.async to it was waited for|{unwritten('tiles')}", "tiles[step % 2]"),
    ("copies", 3): (f"{shared('tiles')}|before the cp.async to it was waited for", ""),
    ("copies", 4): ("cp.async: an address is not a multiple of 16", "misaligned"),
    ("product", 1): (f"{shared('(empty|full)')}|mbarrier used before mbarrier.init", "mbarrier_"),
    ("product", 2): (DEADLOCK, "mbarrier_wait"),
    ("product", 3): (shared("dynamic"), "wgmma_k16"),
    ("product", 4): (WRONG_NUMBERS, ""),
    ("product", 5): (DEADLOCK, "mbarrier_wait"),
    ("product", 6): (shared("dynamic"), "tma_load<2>"),
    ("product", 7): (shared("dynamic"), "tma_load<2>"),
    ("product", 8): ("wgmma with no wgmma.fence since the last wait", "wgmma_k16"),
    ("product", 9): ("mbarrier given to the copy engine with no fence.mbarrier_init after its init", "tma_load<2>"),
    ("staging", 1): ("a TMA store reads shared memory 'dynamic' byte 0, written by .* with no fence.proxy.async after it", "tma_store<3>"),
    ("staging", 2): (f"{unwritten('dynamic')}|{shared('dynamic')}|a TMA store reads", "staging"),
    ("staging", 3): ("write to shared memory 'dynamic' byte \\d+ at .* while a TMA store may still read it", "staging[i] = x"),
    ("staging", 4): ("a thread returns with TMA stores that it never committed", ""),
    ("staging", 5): ("a thread returns while its TMA stores may still read shared memory", ""),
    ("cluster", 1): (f"{shared('come')}|mbarrier used before mbarrier.init|no fence.mbarrier_init", "tma_load_multicast"),
    ("cluster", 2): ("divergent cluster barrier: others wait at", "cluster_sync"),
    ("cluster", 3): ("TMA: a multicast to a block outside the cluster", "tma_load_multicast"),
    ("cluster", 4): (f"a TMA load lands in a block that has returned|{DEADLOCK}", ""),
}  # fmt: skip

LAUNCHES = {
    1: r"a block has 1 to 1024 threads.* Received: \(1025, 1, 1\)",
    2: r"a grid has 1 to 2147483647 blocks along x.* Received: \(0, 1, 1\)",
    3: r"1 to 65535 along y and z\. Received: \(1, 70000, 1\)",
    4: "a block has at most 232448 bytes of shared memory. Received: 307200",
    5: r"a cluster has 1 to 8 blocks and divides the grid along x\. Received: 2 blocks of \(3, 1, 1\)",
    6: "too much shared memory: 52000 bytes of static arrays",
}


def operands(name: str) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Outputs, inputs, and what the healthy kernel gives."""
    rng = np.random.default_rng(0)
    if name == "product":
        a, b = (rng.integers(-3, 4, (64, 320)).astype(ml_dtypes.bfloat16) for _ in range(2))
        return [poisoned((64, 64))], [a, b], a.astype("f4") @ b.astype("f4").T
    if name in ("staging", "cluster"):
        x = rng.normal(size=(3 if name == "staging" else 2, 32, 32)).astype("f4")
        expected = x if name == "staging" else np.stack([x, x])
        return [poisoned(expected.shape)], [x], expected
    x = rng.normal(size=512).astype("f4")
    outs = [poisoned(512)]
    if name == "last_block":
        outs += [poisoned(512), np.zeros(1, np.uint32)]
    return outs, [x], x


def run(module: ModuleType, name: str, bug: int) -> str:
    outs, ins, expected = operands(name)
    try:
        call(module, f"planted_{name}", outs, ins, [bug])
    except RuntimeError as error:
        return str(error)
    return "" if np.array_equal(outs[0], expected) else WRONG_NUMBERS


def named_lines(message: str) -> list[str]:
    """The source lines that a message names."""
    places = re.findall(r"(planted\w*\.cu):(\d+)", message)
    return [(KERNELS / file).read_text().splitlines()[int(line) - 1] for file, line in places]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("name", "bug"), BUGS, ids=lambda v: str(v))
def test_a_planted_bug_is_caught(name: str, bug: int, schedule: str) -> None:
    assert CHECKED.module is not None
    CHECKED.module.configure(**SCHEDULES[schedule])
    try:
        message = run(CHECKED.module, name, bug)
    finally:
        CHECKED.module.configure()
    words, line = BUGS[name, bug]
    assert message, "the bug was not noticed"
    assert re.search(words, message), message
    if message == WRONG_NUMBERS:
        return
    assert f"[planted_{name}] " in message and f"in kernel {name}_kernel<{bug}>, block (" in message, message
    assert "thread" in message
    assert not line or any(line in text for text in named_lines(message)), f"no line with {line!r} is named:\n{message}"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", sorted({name for name, _ in BUGS}))
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
def test_a_healthy_kernel_passes(module: ModuleType, name: str, schedule: str) -> None:
    module.configure(**SCHEDULES[schedule])
    try:
        assert run(module, name, 0) == ""
    finally:
        module.configure()


@pytest.mark.parametrize("bug", LAUNCHES)
@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
def test_a_launch_that_a_gpu_would_refuse(module: ModuleType, bug: int) -> None:
    with pytest.raises(RuntimeError, match=LAUNCHES[bug]):
        call(module, "planted_launch", [poisoned(512)], [np.zeros(512, "f4")], [bug])
    assert run(module, "sum", 0) == "", "a kernel that failed leaves nothing behind"


def test_there_are_enough() -> None:
    assert len(BUGS) >= 25
