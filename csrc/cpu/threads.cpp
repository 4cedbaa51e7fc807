// The pool of threads. Workers look for work for some microseconds after their last piece and then sleep: a program that uses the cores for
// something else, such as NumPy's BLAS, is not held up by threads that wait in a loop.
#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

namespace {

constexpr int most_threads = 64;
constexpr auto patience = std::chrono::microseconds(10);

using Work = void (*)(const void*, int64_t);

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

int usable_processors() {
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    return int(std::thread::hardware_concurrency());
}

int wanted_threads() {
    const char* text = std::getenv("GPUDL_THREADS");
    const int wanted = text ? std::atoi(text) : 0;
    const int count = wanted > 0 ? wanted : usable_processors();
    return count < 1 ? 1 : count > most_threads ? most_threads : count;
}

struct Pool {
    std::mutex owner;  // who has it may give work
    std::atomic<int> count{wanted_threads()};
    int started = 1;  // the caller is one of them

    // Number of the job, and below it how many of its pieces are not taken yet. A thread that wakes up late finds either another number or
    // nothing left, so it never runs a piece of a job that is over.
    std::atomic<uint64_t> open{0};
    std::atomic<Work> work{nullptr};
    std::atomic<const void*> context{nullptr};
    std::atomic<int64_t> unfinished{0};

    std::mutex gate;
    std::condition_variable wake, finished;
    std::atomic<int> sleeping{0};
    std::atomic<bool> owner_sleeps{false};

    static constexpr uint64_t left(uint64_t state) { return state & 0xffffffffu; }

    void take_pieces() {
        uint64_t state = open.load(std::memory_order_acquire);
        while (left(state) > 0) {
            const Work run = work.load(std::memory_order_relaxed);
            const void* with = context.load(std::memory_order_relaxed);
            if (!open.compare_exchange_weak(state, state - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
            run(with, int64_t(left(state)) - 1);
            if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1 && owner_sleeps.load()) {
                const std::lock_guard<std::mutex> lock(gate);
                finished.notify_one();
            }
            state = open.load(std::memory_order_acquire);
        }
    }

    void serve();
    void start(int wanted);
    void run(int64_t pieces, Work f, const void* with);
};

alignas(Pool) unsigned char room[sizeof(Pool)];
thread_local bool inside = false;

Pool& pool() {
    static Pool* const made = [] {
        Pool* p = new (room) Pool;  // never destroyed: its threads may outlive everything else
#ifdef __linux__
        // A child has one thread and makes its own pool. The lock keeps a job of another thread from being cut in two.
        pthread_atfork([] { pool().owner.lock(); }, [] { pool().owner.unlock(); }, [] { new (room) Pool; });
#endif
        return p;
    }();
    return *made;
}

void Pool::serve() {
    inside = true;
    for (;;) {
        take_pieces();
        const auto until = std::chrono::steady_clock::now() + patience;
        bool found = false;
        while (!found && std::chrono::steady_clock::now() < until) {
            for (int i = 0; i < 16 && !found; i++) {
                relax();
                found = left(open.load(std::memory_order_relaxed)) > 0;
            }
        }
        if (found) continue;
        std::unique_lock<std::mutex> lock(gate);
        sleeping++;
        wake.wait(lock, [this] { return left(open.load()) > 0; });
        sleeping--;
    }
}

void Pool::start(int wanted) {
    for (; started < wanted; started++) std::thread([this] { serve(); }).detach();
}

void Pool::run(int64_t pieces, Work f, const void* with) {
    start(count.load());
    work.store(f, std::memory_order_relaxed);
    context.store(with, std::memory_order_relaxed);
    unfinished.store(pieces, std::memory_order_relaxed);
    {
        const std::lock_guard<std::mutex> lock(gate);
        open.store(((open.load() >> 32) + 1) << 32 | uint64_t(pieces), std::memory_order_release);
    }
    if (sleeping.load() > 0) wake.notify_all();
    inside = true;
    take_pieces();
    inside = false;
    const auto until = std::chrono::steady_clock::now() + 5 * patience;
    while (unfinished.load(std::memory_order_acquire) > 0 && std::chrono::steady_clock::now() < until) relax();
    if (unfinished.load(std::memory_order_acquire) == 0) return;
    std::unique_lock<std::mutex> lock(gate);
    owner_sleeps = true;
    finished.wait(lock, [this] { return unfinished.load(std::memory_order_acquire) == 0; });
    owner_sleeps = false;
}

}  // namespace

void gpudl_cpu_run(int64_t pieces, Work work, const void* context) {
    Pool& p = pool();
    if (pieces > 1 && pieces < (int64_t(1) << 31) && !inside && p.count.load() > 1 && p.owner.try_lock()) {
        p.run(pieces, work, context);
        p.owner.unlock();
        return;
    }
    for (int64_t i = 0; i < pieces; i++) work(context, i);
}

int gpudl_cpu_threads() { return pool().count.load(std::memory_order_relaxed); }

void gpudl_cpu_set_threads(int count) { pool().count = count < 1 ? wanted_threads() : count > most_threads ? most_threads : count; }

namespace {

struct Kept {
    void* data = nullptr;
    int64_t bytes = 0;
    ~Kept() { std::free(data); }
};
thread_local Kept kept[int(gpudl::cpu::Slot::count)];

}  // namespace

void* gpudl_cpu_scratch(int slot, int64_t bytes) {
    Kept& room = kept[slot];
    if (room.bytes < bytes) {
        std::free(room.data);
        room.bytes = (bytes + bytes / 4 + 4095) / 4096 * 4096;
        room.data = std::aligned_alloc(64, size_t(room.bytes));
        if (!room.data) {
            room.bytes = 0;
            throw std::bad_alloc();
        }
    }
    return room.data;
}
