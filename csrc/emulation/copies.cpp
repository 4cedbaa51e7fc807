// Emulates cp.async: copies from global to shared memory that land when the issuing thread waits for them, or as early as they may.
// And says what a thread must have finished before it returns.
#include <cstring>

#include "instructions.h"
#include "runtime.h"

namespace gpudl::emulation {

// The destination is written from the issue on (nobody else may still read it) until the wait (nobody may read it before).
void copy_async(void* to, const void* from, int size, int bytes, Where at) {
    Fiber* fiber = self();
    if (shared_address(to) % unsigned(size) || reinterpret_cast<uintptr_t>(from) % unsigned(size))
        fail("cp.async: an address is not a multiple of " + std::to_string(size), at);
    if (bytes < 0 || bytes > size) fail("cp.async: " + std::to_string(bytes) + " of " + std::to_string(size) + " bytes", at);
    if (bytes) note(from, size_t(bytes), Access::read, at);
    note(to, size_t(size), Access::write, at);
    mark_shared(to, size_t(size), Byte::landing);
    PendingCopy copy{static_cast<unsigned char*>(to), {}, size};
    std::memcpy(copy.data, from, size_t(bytes));
    const Arrival when = schedule().copies;
    if (when == Arrival::early || (when == Arrival::random && draw(fiber->block->random) % 2)) {
        std::memcpy(to, copy.data, size_t(size));
    } else {
        std::memset(to, 0xff, size_t(size));
    }
    fiber->open_copies.push_back(copy);  // early ones too: they land again, with the same bytes
}

void copy_commit(Where) {
    Fiber* fiber = self();
    fiber->copy_groups.push_back(std::move(fiber->open_copies));
    fiber->open_copies.clear();
}

void copy_wait(int pending, Where at) {
    auto& groups = self()->copy_groups;
    if (groups.size() <= size_t(pending)) return;
    const auto landed = groups.end() - pending;
    for (auto group = groups.begin(); group != landed; ++group) {
        for (const PendingCopy& copy : *group) {
            std::memcpy(copy.to, copy.data, size_t(copy.bytes));
            mark_shared(copy.to, size_t(copy.bytes), Byte::unwritten);
            note(copy.to, size_t(copy.bytes), Access::write, at);
        }
    }
    groups.erase(groups.begin(), landed);
}

void finish_copies(Fiber* fiber) {  // leaving without a wait is legal: nobody reads them any more
    fiber->open_copies.clear();
    fiber->copy_groups.clear();
}

// Shared memory may go to another block: every store must have been read from it by then.
void finish_stores(Fiber* fiber) {
    if (!fiber->open_stores.empty()) fail("a thread returns with TMA stores that it never committed", Where("", 0));
    for (auto& group : fiber->store_groups) {
        for (BulkStore& store : group) {
            if (!store.waited_for)
                fail("a thread returns while its TMA stores may still read shared memory (cp.async.bulk.wait_group is missing)",
                     Where("", 0));
            if (!store.written) store.write();
        }
    }
    fiber->store_groups.clear();
}

}  // namespace gpudl::emulation
