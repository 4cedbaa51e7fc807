// What the parts of the emulation share: fibers, blocks, barriers, shadow memory. Kernels never see it; the bindings see control.h.
//
// One fiber per CUDA thread, one block (or cluster of blocks) at a time, one OS thread. A fiber runs until it must wait: for a barrier, for
// the other lanes of its warp, for an mbarrier. So a kernel that never waits runs its threads one after the other, on one stack.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <gpudl/kernel.h>

#include "control.h"
#include "device.h"

namespace gpudl::emulation {

constexpr size_t stack_bytes = 64 * 1024;
constexpr size_t arena_bytes = 256 * 1024;   // shared memory of one block, and what surrounds it: 18 bits, as the device's addresses
constexpr size_t dynamic_offset = 1024;      // dynamic shared memory begins here: aligned for every swizzle, and 0 stays no address
constexpr size_t redzone = 256;              // between arrays
constexpr size_t shared_limit = 227 * 1024;  // what a block may have (sm_90)
constexpr size_t static_limit = 48 * 1024;   // … of static arrays
constexpr int max_cluster = 8;
constexpr int named_barriers = 16;

struct Block;
struct BlockOfCluster;

// Vector clock: entry t is the last moment of thread t that is known to have passed. Empty: nothing is known.
using Clocks = std::vector<uint32_t>;

// A cp.async that was issued and has not landed.
struct PendingCopy {
    unsigned char* to;
    unsigned char data[16];
    int bytes;
};

// A TMA store: `read` takes the bytes from shared memory, which may then be overwritten; `write` delivers them.
struct BulkStore {
    std::function<void()> read, write, done_reading;
    bool was_read = false, written = false, waited_for = false;
};

enum class State { ready, waiting, polling, returned };

struct Fiber : Thread {
    Block* block = nullptr;
    BlockOfCluster* home = nullptr;
    int id = 0, warp_id = 0, group_id = 0;  // thread, warp, warpgroup, counted over the whole cluster
    State state = State::ready;
    void* stack_pointer = nullptr;
    char* stack = nullptr;
    const char* waits_in = "";  // what for, and where
    Where at{"", 0};

    // asynchronous copies of this thread, oldest group first
    std::vector<PendingCopy> open_copies;
    std::vector<std::vector<PendingCopy>> copy_groups;
    std::vector<BulkStore> open_stores;
    std::vector<std::vector<BulkStore>> store_groups;

    // happens-before
    uint32_t clock = 1;
    bool own_clocks = false;   // else what it knows of others is block->common
    Clocks known, fenced;      // fenced: what it knew at its last __threadfence
    uint32_t proxy_fence = 0;  // clock of its last fence.proxy.async
    bool wgmma_fenced = false;
};

struct Barrier {
    int arrived = 0, expected = 0, votes = 0, result = 0;
    Where at{"", 0};
    std::vector<Fiber*> waiting;
    Clocks clocks;
};

// A collective some of whose lanes have come.
struct WarpOperation {
    unsigned mask = 0, arrived = 0;  // mask 0: none
    const char* what = "";
    Where at{"", 0};
    void* operands[32];
    Fiber* lanes[32];
};

struct GroupOperation {
    int arrived = 0;
    const char* what = "";
    Where at{"", 0};
    void* operands[128];
    Fiber* threads[128];
};

// A warpgroup: its collective, and its wgmma, committed in groups and executed at the wait.
struct WarpGroup {
    GroupOperation operation;
    std::vector<std::function<void()>> open;
    std::vector<std::vector<std::function<void()>>> committed;
};

struct MemoryBarrier {  // an mbarrier
    int owner = 0, expected = 0, pending = 0, bytes = 0;
    unsigned phase = 0;
    bool published = false;  // fence.mbarrier_init came after its init
    Clocks arriving, completed;
};

struct StaticArray {
    const void* key;
    const char* name;
    size_t offset, bytes;
};

// One thread block. A launch without clusters has one per Block.
struct BlockOfCluster {
    int rank = 0, alive = 0;
    unsigned char* memory = nullptr;
    size_t used = 0;  // of its arena
    std::vector<StaticArray> arrays;
    Barrier barriers[named_barriers];
};

// Shadow of one granule of memory: the last write and two last reads, each by whom, when and from which line.
struct Cell {
    uint32_t write_clock, write_block, read_clock[2], read_block[2];
    uint16_t write_thread, read_thread[2];
    bool write_is_atomic, write_is_async;  // async: by the copy engine
    const void *write_at, *read_at[2];     // a file name if a line stands beside it, else an address of code
    int write_line, read_line[2];
};

// landing: a cp.async to it was issued and not waited for; leaving: a TMA store may still read it.
enum class Byte : uint8_t { redzone, unwritten, written, landing, leaving };

// What a block that another block synchronised with (by an atomic) had done, and which thread of this block learned it when.
struct Acquired {
    Clocks clocks;
    int thread;
    uint32_t clock;
};

// The unit of scheduling: a thread block, or all blocks of one cluster.
struct Block {
    // the launch
    const char* kernel = "";
    void (*call)(void*) = nullptr;
    void* arguments = nullptr;
    size_t dynamic_shared = 0;
    int threads = 0, threads_per_block = 0;  // of all its blocks, of one
    bool checked = false;
    uint64_t number = 0;

    // scheduling
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<Fiber*> queue, polling;
    std::vector<std::vector<Fiber*>> queue_of_warp;  // random order only
    int ready_count = 0, alive = 0;
    bool progress = false;  // an mbarrier changed since the pollers last looked
    uint64_t random = 0;
    void* scheduler_stack = nullptr;
    Fiber* running = nullptr;  // null: the scheduler itself
    std::vector<char*> free_stacks, all_stacks;
    std::string error;

    // what its threads share
    std::vector<BlockOfCluster> blocks;
    Barrier cluster_barrier;
    std::vector<std::vector<WarpOperation>> warps;
    std::vector<WarpGroup> groups;
    std::unordered_map<uint32_t, MemoryBarrier> memory_barriers;
    std::vector<std::function<void()>> in_flight;  // asynchronous operations that have not landed
    unsigned char* memory = nullptr;
    size_t dirty[max_cluster] = {};  // how much of each arena the block before used

    // shadow of shared memory, and what is known of other threads (checked build)
    Byte* bytes = nullptr;
    Cell* cells = nullptr;  // one per byte; the first of a word stands for all four unless it is split
    bool* split = nullptr;  // one per word
    Clocks common;
    std::map<uint32_t, std::vector<Acquired>> acquired;
};

// Thrown by `fail` where no fiber runs: while an asynchronous copy lands.
struct Abandon {};

extern Block the_block;
inline Fiber* self() { return static_cast<Fiber*>(current); }

// scheduler.cpp
void run_block(Block& block);
void make_ready(Fiber* fiber);
void wait_in(const char* what, Where at);  // until somebody makes this fiber ready
void yield(const char* what, Where at);    // until an mbarrier has changed
void let_others_run();
uint64_t draw(uint64_t& state);

// context.cpp
void switch_to(Fiber* fiber);
void switch_to_scheduler(Fiber* fiber);

// report.cpp
std::string kernel_name(const char* pretty);
std::string text_of(uint3 index);
std::string text_of(Where at);
std::string line_of(const void* code);
std::string text_of(const void* at, int line);  // as a Cell holds it
std::string name_of_thread(int id);
std::string deadlock_report(Block& block);

// clocks.cpp: all of them do nothing outside the checked build
uint32_t known_of(Fiber* fiber, int other);
void release_to(Fiber* fiber, Clocks& clocks);
void acquire_from(Fiber* fiber, const Clocks& clocks);
void all_know_all();
void order_lanes(Fiber* const* lanes, unsigned mask);
void atomic_order(Fiber* fiber, uintptr_t address);
bool is_ordered(Fiber* fiber, uint32_t block, int thread, uint32_t clock);
void forget_releases();

// checker.cpp
struct Accessor {  // who accesses how, from where
    Fiber* fiber;
    Access access;
    const void* code;
    Where at;
};
void check_access(const void* pointer, size_t bytes, const Accessor& by);
void note_by(Fiber* fiber, const void* pointer, size_t bytes, Access access, Where at, bool async = false);
void check_proxy(const void* pointer, size_t bytes, const char* what, Where at);
void mark_shared(const void* pointer, size_t bytes, Byte state);
void prepare_arrays();

// shared_memory.cpp
void prepare_shared(Block& block);
uint32_t arena_offset(const void* pointer, int rank = -1);  // over all blocks of the cluster; -1: the caller's own
unsigned char* shared_pointer(uint32_t address);
void map_shadow(Block& block);

// collectives.cpp
using GroupThreads = void (*)(void* const* operands);
void warpgroup_collective(const char* what, void* operand, GroupThreads act, Where at);

// copies.cpp, bulk.cpp: what must hold when a thread returns
void finish_copies(Fiber* fiber);
void finish_stores(Fiber* fiber);

}  // namespace gpudl::emulation
