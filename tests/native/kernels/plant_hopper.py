"""Write a kernel file with copies of csrc/cuda/gemm_sm90.cuh from each of which something essential was taken.

    python tests/native/kernels/plant_hopper.py planted_hopper.cu

Built into the emulation (GPUDL_EXTRA_KERNELS), tests/native/test_planted_hopper.py sees that each is noticed. Copy 0 is whole. A piece of
text that is no longer found exactly as often as it says is an error: change it with the kernel.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

CUDA = Path(__file__).resolve().parents[3] / "csrc" / "cuda"
FILES = ("gemm_sm90.cuh", "loader_gemm_sm90.cuh", "launch_sm90.cuh")

# Few slots, so that short products already go round the ring.
COOP, PING, PAIR = "Config<128, 128, 2, false, 1>", "Config<128, 64, 3, true, 1>", "Config<128, 128, 2, false, 2>"


class Bug(NamedTuple):
    name: str
    config: str
    text: str
    instead: str
    times: int = 1


BUGS = [
    Bug("nothing", COOP, "", "", 0),
    Bug("no fence before a store", COOP, "ptx::fence_proxy_async();", ""),
    Bug("staging is filled before its store was read", COOP, "if (leader()) ptx::tma_wait_read<1>();", ""),
    Bug(
        "no barrier before staging is filled",
        COOP,
        "ptx::tma_wait_read<1>();\n                ptx::named_barrier_sync(barrier, 128);",
        "ptx::tma_wait_read<1>();",
    ),
    Bug(
        "no barrier before the leader stores",
        COOP,
        "ptx::fence_proxy_async();\n                ptx::named_barrier_sync(barrier, 128);",
        "ptx::fence_proxy_async();",
    ),
    Bug("a slot is released one product early", COOP, "if (before >= 0) release(before);", "release(ring.slot);"),
    Bug("loops take no turns", PING, "ptx::mbarrier_wait(&turns[consumer], turn_phase);", ""),
    Bug(
        "slots are released to their own block alone",
        PAIR,
        "if (thread % 32 < Cfg::cluster) ptx::mbarrier_arrive_at(&empty[slot], thread % 32);",
        "if (thread % 32 < Cfg::cluster) ptx::mbarrier_arrive(&empty[slot]);",
    ),
    Bug("the cluster does not meet at the start", PAIR, "if constexpr (Cfg::cluster > 1) ptx::cluster_sync();\n    else __syncthreads();",
        "__syncthreads();"),
    Bug("the cluster does not meet at the end", PAIR, "__syncwarp();\n        ptx::cluster_sync();", ""),
    Bug("no fence after the barriers began", COOP, "ptx::fence_barrier_init();", ""),
    Bug("no fence of products", COOP, "ptx::wgmma_fence();", ""),
    Bug("the last stores are not waited for", COOP, "if (thread == 0) ptx::tma_wait_read<0>();", ""),
    Bug("the bytes of B are forgotten", COOP, "mbarrier_arrive_expect(&full[ring.slot], Cfg::slot_bytes)",
        "mbarrier_arrive_expect(&full[ring.slot], Cfg::a_bytes)"),
    Bug("the halves of the columns are swapped", PAIR, "const int n = t.n + rank * share;",
        "const int n = t.n + (Cfg::cluster - 1 - rank) * share;"),
    Bug("staging is swizzled wrongly", COOP, "(((2 * p + half) ^ (row & 7)) << 4)", "(((2 * p + half) ^ (row & 3)) << 4)"),
    Bug("a step along k of turned columns", COOP, "(tb ? 2048 : 32)", "(tb ? 1024 : 32)"),
    Bug("the distance of groups of turned columns", COOP, "tb ? box_bytes : 16", "tb ? 4096 : 16"),
]  # fmt: skip


def copy_of(number: int, bug: Bug) -> str:
    """The three files with one change, in a namespace of their own."""
    texts = []
    for name in FILES:
        text = (CUDA / name).read_text(encoding="utf-8")
        text = re.sub(r"^(#pragma once|#include .*)\n", "", text, flags=re.M)
        texts.append(text.replace("namespace gpudl::sm90 {", f"namespace gpudl::planted_{number} {{\nusing namespace sm90;"))
    whole = "".join(texts)
    if bug.text:
        found = whole.count(bug.text)
        if found != bug.times:
            raise SystemExit(f"{bug.name}: {found} times in {', '.join(FILES)}, not {bug.times}: {bug.text!r}")
        whole = whole.replace(bug.text, bug.instead)
    return f"{whole}\nnamespace gpudl::planted_{number} {{\nusing Chosen = {bug.config};\n}}\n"


HEAD = """// Written by tests/native/kernels/plant_hopper.py.
#include <gpudl/tensor_map.h>

#include "{cuda}/epilogue_sm90.cuh"
#include "{cuda}/gemm_sm90.h"
#include "{cuda}/ptx/grid_sm90.cuh"
#include "{cuda}/ptx/mbarrier_sm90.cuh"
#include "{cuda}/ptx/mma_sm80.cuh"
#include "{cuda}/ptx/stmatrix_sm90.cuh"
#include "{cuda}/ptx/tma_sm90.cuh"
#include "{cuda}/ptx/wgmma_sm90.cuh"
#include "{cuda}/tile.cuh"
"""


def text() -> str:
    parts = [HEAD.format(cuda=CUDA)]
    parts += [copy_of(number, bug) for number, bug in enumerate(BUGS)]
    parts.append('namespace gpudl {\nGPUDL_KERNEL(planted_hopper, "E <- E E ; i") {\n')
    parts.append("    const MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], false, false);\n    switch (attrs[0].integer) {\n")
    for i in range(len(BUGS)):
        call = f"planted_{i}::run_gemm<planted_{i}::Chosen, bfloat16, bfloat16, false, true>(p, 1, stream)"
        parts.append(f"        case {i}: return {call};\n")
    parts.append("    }\n}\n}  // namespace gpudl\n")
    return "".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
