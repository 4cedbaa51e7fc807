// Brings threads together: barriers of blocks and clusters, named barriers, operations of a warp and of a warpgroup.
#include <algorithm>
#include <cstring>

#include "runtime.h"

namespace gpudl::emulation {
namespace {

std::string hex(unsigned mask) {
    char text[16];
    snprintf(text, sizeof text, "0x%x", mask);
    return text;
}

bool same_place(Where a, Where b) { return a.line == b.line && !std::strcmp(a.file, b.file); }

// Everybody who waits goes on, and so does this thread, behind them.
void wake(std::vector<Fiber*>& waiting) {
    std::vector<Fiber*> all;
    all.swap(waiting);
    for (Fiber* fiber : all) make_ready(fiber);
}

}  // namespace

void barrier(int id, int count, bool wait, Where at) {
    Fiber* fiber = self();
    Block& block = *fiber->block;
    if (id < 0 || id >= named_barriers) fail("a barrier has a number from 0 to 15, not " + std::to_string(id), at);
    Barrier& barrier = fiber->home->barriers[id];
    const int expected = count ? count : block.threads_per_block;
    if (count % 32) fail("a barrier takes whole warps, not " + std::to_string(count) + " threads", at);
    if (barrier.arrived && barrier.expected != expected)
        fail("barrier " + std::to_string(id) + " for " + std::to_string(expected) + " threads, but those at " + text_of(barrier.at) +
                 " expect " + std::to_string(barrier.expected),
             at);
    if (barrier.arrived && id == 0 && !count && !same_place(barrier.at, at))
        fail("divergent __syncthreads(): other threads of the block wait at " + text_of(barrier.at), at);
    barrier.expected = expected;
    barrier.at = at;
    const bool whole = expected == block.threads;  // then everything that anybody knows becomes common knowledge
    if (!whole) release_to(fiber, barrier.clocks);
    if (++barrier.arrived < expected) {
        if (!wait) return;
        barrier.waiting.push_back(fiber);
        wait_in(id ? "a named barrier" : "__syncthreads()", at);
        return;
    }
    if (whole) {
        all_know_all();
    } else {
        Clocks clocks;
        clocks.swap(barrier.clocks);
        for (Fiber* other : barrier.waiting) acquire_from(other, clocks);
        if (wait) acquire_from(fiber, clocks);
    }
    barrier.arrived = 0;
    barrier.result = barrier.votes;
    barrier.votes = 0;
    wake(barrier.waiting);
    if (wait) let_others_run();
}

int barrier_count(int predicate, Where at) {
    Barrier& zero = self()->home->barriers[0];
    zero.votes += predicate;
    barrier(0, 0, true, at);
    return zero.result;
}

void cluster_barrier(Where at) {
    Fiber* fiber = self();
    Block& block = *fiber->block;
    Barrier& barrier = block.cluster_barrier;
    if (barrier.arrived && !same_place(barrier.at, at)) fail("divergent cluster barrier: others wait at " + text_of(barrier.at), at);
    barrier.at = at;
    if (++barrier.arrived < block.threads) {
        barrier.waiting.push_back(fiber);
        wait_in("a cluster barrier", at);
        return;
    }
    all_know_all();
    barrier.arrived = 0;
    wake(barrier.waiting);
    let_others_run();
}

void warp_collective(unsigned mask, const char* what, void* operand, Lanes act, bool orders_memory, Where at) {
    Fiber* fiber = self();
    Block& block = *fiber->block;
    if (!(mask >> fiber->lane & 1))
        fail(std::string(what) + ": the calling lane " + std::to_string(fiber->lane) + " is not in the mask " + hex(mask), at);
    const int lanes = std::min(32, block.threads_per_block - fiber->warp * 32);
    if (lanes < 32) mask &= (1u << lanes) - 1;

    auto& pending = block.warps[size_t(fiber->warp_id)];
    WarpOperation* operation = nullptr;
    for (WarpOperation& other : pending) {
        if (!(other.mask & mask)) continue;
        if (other.mask != mask || !same_place(other.at, at) || std::strcmp(other.what, what))
            fail("divergent warp operation: " + std::string(what) + " (mask " + hex(mask) + ") while other lanes wait in " + other.what +
                     " (mask " + hex(other.mask) + ") at " + text_of(other.at),
                 at);
        operation = &other;
        break;
    }
    if (!operation) {
        for (WarpOperation& other : pending) {
            if (!other.mask) operation = &other;
        }
        if (!operation) operation = &pending.emplace_back();
        operation->mask = mask;
        operation->arrived = 0;
        operation->what = what;
        operation->at = at;
    }
    operation->arrived |= 1u << fiber->lane;
    operation->operands[fiber->lane] = operand;
    operation->lanes[fiber->lane] = fiber;
    if (operation->arrived != mask) {
        wait_in(what, at);
        return;
    }
    const WarpOperation whole = *operation;
    operation->mask = 0;
    counts().collectives++;
    if (act) act(whole.operands, mask);
    if (orders_memory) order_lanes(whole.lanes, mask);
    for (int i = 0; i < 32; i++) {
        if ((mask >> i & 1) && whole.lanes[i] != fiber) make_ready(whole.lanes[i]);
    }
    if (schedule().order != Order::ascending) let_others_run();
}

void warpgroup_collective(const char* what, void* operand, GroupThreads act, Where at) {
    Fiber* fiber = self();
    Block& block = *fiber->block;
    GroupOperation& operation = block.groups[size_t(fiber->group_id)].operation;
    if (fiber->index / 128 * 128 + 128 > block.threads_per_block)
        fail(std::string(what) + ": the warpgroup has fewer than 128 threads", at);
    if (operation.arrived && (!same_place(operation.at, at) || std::strcmp(operation.what, what)))
        fail("divergent warpgroup operation: " + std::string(what) + " while other threads wait in " + operation.what + " at " +
                 text_of(operation.at),
             at);
    operation.what = what;
    operation.at = at;
    operation.operands[fiber->index % 128] = operand;
    operation.threads[fiber->index % 128] = fiber;
    if (++operation.arrived < 128) {
        wait_in(what, at);
        return;
    }
    operation.arrived = 0;
    counts().collectives++;
    const GroupOperation whole = operation;
    if (act) act(whole.operands);
    for (Fiber* other : whole.threads) {
        if (other != fiber) make_ready(other);
    }
}

void shuffle_lanes(void* const* operands, unsigned mask) {
    const uint64_t junk = 0x7ff7dead7fc0dead;  // what a lane gets from one that takes no part: undefined on the device
    for (int i = 0; i < 32; i++) {
        if (!(mask >> i & 1)) continue;
        auto* mine = static_cast<Shuffle*>(operands[i]);
        mine->result = mask >> mine->source & 1 ? static_cast<Shuffle*>(operands[mine->source])->value : junk;
    }
}

void ballot_lanes(void* const* operands, unsigned mask) {
    uint64_t votes = 0;
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) votes |= static_cast<Vote*>(operands[i])->value << i;
    }
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) static_cast<Vote*>(operands[i])->result = votes;
    }
}

void match_lanes(void* const* operands, unsigned mask) {
    for (int i = 0; i < 32; i++) {
        if (!(mask >> i & 1)) continue;
        auto* mine = static_cast<Vote*>(operands[i]);
        mine->result = 0;
        for (int j = 0; j < 32; j++) {
            if ((mask >> j & 1) && static_cast<Vote*>(operands[j])->value == mine->value) mine->result |= uint64_t(1) << j;
        }
    }
}

}  // namespace gpudl::emulation
