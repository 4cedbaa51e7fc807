// Receives every load and store of kernels that were compiled with `-fsanitize=thread`: the compiler calls these functions before each.
// The sanitizer's own library is not linked. So the kernels' sources need no change to be checked.
#include "runtime.h"

namespace gpudl::emulation {
namespace {

bool checked = false;

inline void seen(const void* pointer, size_t bytes, Access access, const void* code) {
    if (current) check_access(pointer, bytes, {self(), access, code, Where("", 0)});
}

}  // namespace

bool is_checked() { return checked; }

}  // namespace gpudl::emulation

#define GPUDL_HOOK __attribute__((visibility("hidden"), noinline))
#define GPUDL_SEEN(bytes, access) ::gpudl::emulation::seen(pointer, bytes, ::gpudl::emulation::Access::access, __builtin_return_address(0))
#define GPUDL_HOOKS(bytes)                                                                                                                 \
    GPUDL_HOOK void __tsan_read##bytes(void* pointer) { GPUDL_SEEN(bytes, read); }                                                         \
    GPUDL_HOOK void __tsan_write##bytes(void* pointer) { GPUDL_SEEN(bytes, write); }                                                       \
    GPUDL_HOOK void __tsan_unaligned_read##bytes(void* pointer) { GPUDL_SEEN(bytes, read); }                                               \
    GPUDL_HOOK void __tsan_unaligned_write##bytes(void* pointer) { GPUDL_SEEN(bytes, write); }                                             \
    GPUDL_HOOK void __tsan_volatile_read##bytes(void* pointer) { GPUDL_SEEN(bytes, read); }                                                \
    GPUDL_HOOK void __tsan_volatile_write##bytes(void* pointer) { GPUDL_SEEN(bytes, write); }

extern "C" {
GPUDL_HOOK void __tsan_init() { gpudl::emulation::checked = true; }
GPUDL_HOOK void __tsan_func_entry(void*) {}
GPUDL_HOOK void __tsan_func_exit() {}
GPUDL_HOOKS(1)
GPUDL_HOOKS(2)
GPUDL_HOOKS(4)
GPUDL_HOOKS(8)
GPUDL_HOOKS(16)
GPUDL_HOOK void __tsan_read_range(void* pointer, size_t bytes) { GPUDL_SEEN(bytes, read); }
GPUDL_HOOK void __tsan_write_range(void* pointer, size_t bytes) { GPUDL_SEEN(bytes, write); }
GPUDL_HOOK void __tsan_vptr_update(void*, void*) {}
GPUDL_HOOK void __tsan_vptr_read(void*) {}

// Atomics of host code in the same files (a function's static variable, a cached device property).
#define GPUDL_ATOMIC_HOOKS(bits, T)                                                                                                        \
    GPUDL_HOOK T __tsan_atomic##bits##_load(const volatile T* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }                     \
    GPUDL_HOOK void __tsan_atomic##bits##_store(volatile T* p, T v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }                     \
    GPUDL_HOOK T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }           \
    GPUDL_HOOK T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }           \
    GPUDL_HOOK T __tsan_atomic##bits##_fetch_or(volatile T* p, T v, int) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }             \
    GPUDL_HOOK int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* expected, T v, int, int) {                              \
        return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                     \
    }                                                                                                                                      \
    GPUDL_HOOK int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* expected, T v, int, int) {                                \
        return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                     \
    }
GPUDL_ATOMIC_HOOKS(8, uint8_t)
GPUDL_ATOMIC_HOOKS(16, uint16_t)
GPUDL_ATOMIC_HOOKS(32, uint32_t)
GPUDL_ATOMIC_HOOKS(64, uint64_t)
}
