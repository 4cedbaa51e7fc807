// Runs pieces of work on the threads of one pool, which the kernels of all instruction sets share.
//
// Which thread runs which piece is left to chance, so a kernel cuts its work by sizes alone: its bits do not depend on the number of threads.
#pragma once
#include <cstdint>

extern "C" {
// Calls work(context, i) for 0 <= i < pieces, each once, and returns when all are done. Inside a piece, and where another thread of the
// program has the pool, the caller does it alone.
void gpudl_cpu_run(int64_t pieces, void (*work)(const void* context, int64_t i), const void* context);
int gpudl_cpu_threads();
void gpudl_cpu_set_threads(int count);

// Memory of the calling thread, uninitialised, aligned to 64 bytes; the next call for the same slot may move it. Kept until the thread ends.
void* gpudl_cpu_scratch(int slot, int64_t bytes);
}

namespace gpudl {
namespace cpu {

enum class Slot { left, right, result, first, second, third, count };  // whose scratch memory

template <class T> T* scratch(Slot slot, int64_t n) { return static_cast<T*>(gpudl_cpu_scratch(int(slot), n * int64_t(sizeof(T)))); }

// f(i) for 0 <= i < pieces.
template <class F> void in_pieces(int64_t pieces, const F& f) {
    if (pieces == 1) return f(int64_t(0));
    if (pieces > 1) gpudl_cpu_run(pieces, [](const void* context, int64_t i) { (*static_cast<const F*>(context))(i); }, &f);
}

// f(begin, end) over ranges of 0 … n, each a multiple of `unit` but for the last, and none shorter than `least` without need.
template <class F> void in_ranges(int64_t n, int64_t least, int64_t unit, const F& f) {
    const int64_t most = n / (least > 0 ? least : 1);
    if (most < 2) return f(int64_t(0), n);
    const int64_t threads = gpudl_cpu_threads(), pieces = most < 4 * threads ? most : 4 * threads;
    if (threads < 2) return f(int64_t(0), n);
    const int64_t each = ((n + pieces - 1) / pieces + unit - 1) / unit * unit;
    in_pieces((n + each - 1) / each, [&](int64_t i) { f(i * each, i * each + each < n ? i * each + each : n); });
}

constexpr int64_t worth_sharing = 1 << 15;  // elements of simple arithmetic for which waking a thread pays: measured, about 10 µs of work

}  // namespace cpu
}  // namespace gpudl
