// Chooses which thread of a block runs next, and when asynchronous copies land; finds deadlocks. Runs grids block after block.
//
// Random order is priority scheduling, in the manner of probabilistic concurrency testing: warps have random priorities, the ready warp of
// the highest always runs, and priorities are drawn anew now and then. A uniform choice hardly ever lets one warp run far ahead of
// another, which is what a missing barrier needs to show.
#include <algorithm>
#include <mutex>
#include <numeric>

#include "runtime.h"

namespace gpudl::emulation {

Block the_block;

Schedule& schedule() {
    static Schedule chosen;
    return chosen;
}

Counts& counts() {
    static Counts counted{};
    return counted;
}

// splitmix64
uint64_t draw(uint64_t& state) {
    state += 0x9e3779b97f4a7c15ull;
    uint64_t x = state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

void make_ready(Fiber* fiber) {
    Block& block = *fiber->block;
    fiber->state = State::ready;
    if (schedule().order != Order::random) {
        block.queue.push_back(fiber);
    } else {
        block.queue_of_warp[size_t(fiber->warp_id)].push_back(fiber);
        block.ready_count++;
    }
}

void wait_in(const char* what, Where at) {
    Fiber* fiber = self();
    fiber->state = State::waiting;
    fiber->waits_in = what;
    fiber->at = at;
    switch_to_scheduler(fiber);
}

void yield(const char* what, Where at) {
    Fiber* fiber = self();
    fiber->state = State::polling;
    fiber->waits_in = what;
    fiber->at = at;
    fiber->block->polling.push_back(fiber);
    switch_to_scheduler(fiber);
}

void let_others_run() {
    Fiber* fiber = self();
    make_ready(fiber);
    switch_to_scheduler(fiber);
}

namespace {

// The fibers of a block that can run, in the order of the schedule.
class Scheduler {
public:
    explicit Scheduler(Block& b) : block(b), random(schedule().order == Order::random) {
        block.random = schedule().seed * 0x2545f4914f6cdd1dull + block.number;
        block.queue.clear();
        block.polling.clear();
        block.ready_count = 0;
        block.queue_of_warp.resize(block.warps.size());
        for (auto& queue : block.queue_of_warp) queue.clear();
        priorities.resize(block.warps.size());
        std::iota(priorities.begin(), priorities.end(), size_t(0));
        shuffle_priorities();
        steps_between_shuffles = 16 + choose(512);
        for (int i = 0; i < block.threads; i++) {
            make_ready(block.fibers[size_t(schedule().order == Order::descending ? block.threads - 1 - i : i)].get());
        }
    }

    void run() {
        while (block.alive > 0) {
            land_some();
            if (random && block.progress && !block.polling.empty() && choose(16) == 0) wake_pollers();
            Fiber* fiber = next();
            if (fiber) switch_to(fiber);
            else nobody_is_ready();
            if (!block.error.empty()) return;
        }
    }

private:
    Block& block;
    const bool random;
    size_t head = 0, steps_between_shuffles = 1;
    std::vector<size_t> priorities;

    size_t choose(size_t n) { return size_t(draw(block.random) % n); }

    void shuffle_priorities() {
        for (size_t i = priorities.size(); i > 1; i--) std::swap(priorities[i - 1], priorities[choose(i)]);
    }

    void land(size_t i) {
        auto operation = std::move(block.in_flight[i]);
        block.in_flight.erase(block.in_flight.begin() + ptrdiff_t(i));
        try {
            operation();
        } catch (const Abandon&) {
            current = nullptr;
        }
        block.progress = true;
    }

    void land_some() {
        const Arrival when = schedule().copies;
        while (when == Arrival::early && !block.in_flight.empty()) land(0);
        if (when == Arrival::random && !block.in_flight.empty() && choose(4) == 0) land(choose(block.in_flight.size()));
    }

    void wake_pollers() {
        block.progress = false;
        std::vector<Fiber*> pollers;
        pollers.swap(block.polling);
        for (Fiber* fiber : pollers) make_ready(fiber);
    }

    Fiber* next() {
        if (random) {
            if (choose(steps_between_shuffles) == 0) shuffle_priorities();
            if (block.ready_count == 0) return nullptr;
            for (size_t warp : priorities) {
                auto& queue = block.queue_of_warp[warp];
                if (queue.empty()) continue;
                std::swap(queue[choose(queue.size())], queue.back());
                Fiber* fiber = queue.back();
                queue.pop_back();
                block.ready_count--;
                return fiber;
            }
        }
        if (head == block.queue.size()) {
            block.queue.clear();
            head = 0;
            return nullptr;
        }
        Fiber* fiber = block.queue[head++];
        if (head > 4096) {
            block.queue.erase(block.queue.begin(), block.queue.begin() + ptrdiff_t(head));
            head = 0;
        }
        return fiber;
    }

    // A copy lands at the latest moment; pollers look again only if something changed, so that a deadlock is seen as one.
    void nobody_is_ready() {
        if (block.polling.empty() || !block.progress) {
            if (!block.in_flight.empty()) land(0);
            else block.error = deadlock_report(block);
        }
        if (block.error.empty()) wake_pollers();
    }
};

void refuse_configuration(const char* kernel, const Configuration& c) {
    const auto refuse = [&](const std::string& why) { throw KernelError(why + "\n  in the launch of " + kernel_name(kernel)); };
    const auto dimensions = [](dim3 d) {
        return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
    };
    const uint64_t threads = uint64_t(c.block.x) * c.block.y * c.block.z;
    if (threads < 1 || threads > 1024 || c.block.z > 64)
        refuse("a block has 1 to 1024 threads, at most 64 along z. Received: " + dimensions(c.block));
    if (!c.grid.x || !c.grid.y || !c.grid.z || c.grid.x > 0x7fffffffu || c.grid.y > 65535 || c.grid.z > 65535)
        refuse("a grid has 1 to 2147483647 blocks along x, 1 to 65535 along y and z. Received: " + dimensions(c.grid));
    if (c.cluster < 1 || c.cluster > max_cluster || c.grid.x % unsigned(c.cluster))
        refuse("a cluster has 1 to 8 blocks and divides the grid along x. Received: " + std::to_string(c.cluster) + " blocks of " +
               dimensions(c.grid));
    if (c.dynamic_shared > shared_limit)
        refuse("a block has at most " + std::to_string(shared_limit) +
               " bytes of shared memory. Received: " + std::to_string(c.dynamic_shared));
}

void prepare_fibers(Block& block, const Configuration& c) {
    const unsigned x = c.block.x, y = c.block.y;
    const int per_block = block.threads_per_block, warps = (per_block + 31) / 32, groups = (per_block + 127) / 128;
    while (block.fibers.size() < size_t(block.threads)) block.fibers.push_back(std::make_unique<Fiber>());
    for (int id = 0; id < block.threads; id++) {
        Fiber& fiber = *block.fibers[size_t(id)];
        const int rank = id / per_block, index = id % per_block;
        const uint64_t linear = block.number * uint64_t(c.cluster) + uint64_t(rank);
        fiber = Fiber{};
        fiber.thread_idx = {unsigned(index) % x, unsigned(index) / x % y, unsigned(index) / (x * y)};
        fiber.block_idx = {unsigned(linear % c.grid.x), unsigned(linear / c.grid.x % c.grid.y),
                           unsigned(linear / (uint64_t(c.grid.x) * c.grid.y))};
        fiber.block_dim = c.block;
        fiber.grid_dim = c.grid;
        fiber.index = index;
        fiber.lane = index % 32;
        fiber.warp = index / 32;
        fiber.cluster_rank = rank;
        fiber.block = &block;
        fiber.home = &block.blocks[size_t(rank)];
        fiber.id = id;
        fiber.warp_id = rank * warps + index / 32;
        fiber.group_id = rank * groups + index / 128;
    }
}

void prepare_block(Block& block, const Configuration& c, uint64_t number) {
    const size_t cluster = size_t(c.cluster);
    const int per_block = block.threads_per_block;
    block.number = number;
    block.alive = block.threads;
    block.error.clear();
    block.progress = false;
    block.free_stacks = block.all_stacks;  // after an error, those of fibers that never returned
    block.in_flight.clear();
    block.memory_barriers.clear();
    block.cluster_barrier = Barrier{};
    block.warps.assign(size_t((per_block + 31) / 32) * cluster, {});
    block.groups.clear();
    block.groups.resize(size_t((per_block + 127) / 128) * cluster);
    block.blocks.assign(cluster, BlockOfCluster{});
    block.acquired.clear();
    block.common.assign(block.checked ? size_t(block.threads) : 0, 0);
    prepare_shared(block);
    prepare_fibers(block, c);
}

}  // namespace

void run_block(Block& block) { Scheduler(block).run(); }

void run_grid(const char* kernel, const Configuration& c, void (*call)(void*), void* arguments) {
    static std::mutex one_at_a_time;
    const std::lock_guard<std::mutex> hold(one_at_a_time);
    refuse_configuration(kernel, c);
    Block& block = the_block;
    block.kernel = kernel;
    block.call = call;
    block.arguments = arguments;
    block.dynamic_shared = c.dynamic_shared;
    block.threads_per_block = int(c.block.x * c.block.y * c.block.z);
    block.threads = block.threads_per_block * c.cluster;
    block.checked = is_checked();
    if (block.checked) {
        prepare_arrays();
        forget_releases();
    }
    const uint64_t all = uint64_t(c.grid.x) * c.grid.y * c.grid.z / uint64_t(c.cluster), wanted = schedule().only_last;
    const uint64_t first = wanted && wanted < all ? all - wanted : 0, blocks = all - first;
    uint64_t stride = 1;  // random: another block, `stride` further on, with every block taken once
    if (schedule().order == Order::random && blocks > 2) {
        uint64_t state = schedule().seed;
        stride = draw(state) % blocks | 1;
        while (std::gcd(stride, blocks) != 1) stride += 2;
    }
    for (uint64_t i = 0; i < blocks; i++) {
        prepare_block(block, c, first + (schedule().order == Order::descending ? blocks - 1 - i : i * stride % blocks));
        run_block(block);
        counts().blocks += uint64_t(c.cluster);
        counts().threads += uint64_t(block.threads);
        if (!block.error.empty()) throw KernelError(block.error);
    }
}

}  // namespace gpudl::emulation
