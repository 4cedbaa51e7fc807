// Emulates cp.async: copies from global to shared memory that land when the issuing thread waits for them, or as early as they may.
// And says what a thread must have finished before it returns.
#include <cstring>

#include "runtime.h"

namespace gpudl::emulation {

void finish_copies(Fiber* fiber) {  // leaving without a wait is legal: nobody reads them any more
    fiber->open_copies.clear();
    fiber->copy_groups.clear();
}

// Shared memory may go to another block: every store must have been read from it by then.
void finish_stores(Fiber* fiber) {
    if (!fiber->open_stores.empty()) fail("a thread returns with TMA stores that it never committed", Where("", 0));
    for (auto& group : fiber->store_groups) {
        for (BulkStore& store : group) {
            if (!store.was_read)
                fail("a thread returns while its TMA stores may still read shared memory (cp.async.bulk.wait_group is missing)",
                     Where("", 0));
            if (!store.written) store.write();
        }
    }
    fiber->store_groups.clear();
}

}  // namespace gpudl::emulation
