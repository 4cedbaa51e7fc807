// Knows what happened before what: vector clocks of the threads of a block, and what blocks learn of each other through atomics.
//
// A thread's clock moves on whenever it lets others know what it did. After a barrier of the whole block all know the same, kept once
// (`common`); partial synchronisation gives a thread clocks of its own.
#include <algorithm>

#include "runtime.h"

namespace gpudl::emulation {
namespace {

struct Release {
    uint32_t block;
    Clocks clocks;
};
std::map<uintptr_t, std::vector<Release>> releases;  // by the address of the atomic

void own(Fiber* fiber) {
    if (!fiber->own_clocks) {
        fiber->known = fiber->block->common;
        fiber->own_clocks = true;
    }
    fiber->known[size_t(fiber->id)] = fiber->clock;
}

void merge(Clocks& into, const Clocks& from) {
    into.resize(std::max(into.size(), from.size()), 0);
    for (size_t i = 0; i < from.size(); i++) into[i] = std::max(into[i], from[i]);
}

}  // namespace

uint32_t known_of(Fiber* fiber, int other) { return (fiber->own_clocks ? fiber->known : fiber->block->common)[size_t(other)]; }

void release_to(Fiber* fiber, Clocks& clocks) {
    if (!fiber->block->checked) return;
    own(fiber);
    merge(clocks, fiber->known);
    fiber->clock++;
}

void acquire_from(Fiber* fiber, const Clocks& clocks) {
    if (!fiber->block->checked || clocks.empty()) return;
    own(fiber);
    merge(fiber->known, clocks);
}

void all_know_all() {
    Block& block = the_block;
    if (!block.checked) return;
    for (int i = 0; i < block.threads; i++) {
        Fiber& fiber = *block.fibers[size_t(i)];
        block.common[size_t(i)] = fiber.clock++;
        fiber.own_clocks = false;
    }
}

void order_lanes(Fiber* const* lanes, unsigned mask) {
    if (!the_block.checked) return;
    Clocks clocks;
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) release_to(lanes[i], clocks);
    }
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) acquire_from(lanes[i], clocks);
    }
}

void thread_fence() {
    Fiber* fiber = self();
    if (!fiber->block->checked) return;
    own(fiber);
    fiber->fenced = fiber->known;
    fiber->clock++;
}

// Publishes what the thread knew at its last __threadfence to whoever updates the same address later, and learns what others published.
void atomic_order(Fiber* fiber, uintptr_t address) {
    Block& block = *fiber->block;
    auto& published = releases[address];
    bool learned = false;
    for (const Release& release : published) {
        if (release.block == uint32_t(block.number)) continue;
        block.acquired[release.block].push_back({release.clocks, fiber->id, fiber->clock});
        learned = true;
    }
    if (learned) fiber->clock++;
    if (!fiber->fenced.empty()) published.push_back({uint32_t(block.number), fiber->fenced});
}

void forget_releases() { releases.clear(); }

bool is_ordered(Fiber* fiber, uint32_t block, int thread, uint32_t clock) {
    if (block == uint32_t(fiber->block->number)) return thread == fiber->id || known_of(fiber, thread) >= clock;
    const auto found = fiber->block->acquired.find(block);
    if (found == fiber->block->acquired.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const Acquired& a) {
        return a.clocks[size_t(thread)] >= clock && (a.thread == fiber->id || known_of(fiber, a.thread) >= a.clock);
    });
}

}  // namespace gpudl::emulation
