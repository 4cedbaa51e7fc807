// What CUDA threads do together, as kernels call it: barriers, shuffles, votes; and atomics. Part of device.h.
#pragma once

namespace gpudl::emulation {

struct Shuffle {
    uint64_t value, result;
    int source;
};
void shuffle_lanes(void* const* operands, unsigned mask);

struct Vote {
    uint64_t value, result;
};
void ballot_lanes(void* const* operands, unsigned mask);
void match_lanes(void* const* operands, unsigned mask);

template <class T> T shuffle(unsigned mask, T value, int source, const char* what, Where at) {
    Shuffle operand{to_bits(value), 0, source};
    warp_collective(mask, what, &operand, shuffle_lanes, false, at);
    return from_bits<T>(operand.result);
}

}  // namespace gpudl::emulation

inline void __syncthreads(::gpudl::emulation::Where at = {}) { ::gpudl::emulation::barrier(0, 0, true, at); }
inline int __syncthreads_count(int predicate, ::gpudl::emulation::Where at = {}) {
    return ::gpudl::emulation::barrier_count(predicate != 0, at);
}
inline int __syncthreads_or(int predicate, ::gpudl::emulation::Where at = {}) { return __syncthreads_count(predicate, at) != 0; }
inline int __syncthreads_and(int predicate, ::gpudl::emulation::Where at = {}) { return __syncthreads_count(!predicate, at) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu, ::gpudl::emulation::Where at = {}) {
    ::gpudl::emulation::warp_collective(mask, "__syncwarp", nullptr, nullptr, true, at);
}
inline void __threadfence() { ::gpudl::emulation::thread_fence(); }
inline void __threadfence_block() {}

// A source outside the segment of `width` lanes is the lane itself, as on the device.
template <class T> T __shfl_sync(unsigned mask, T value, int source, int width = 32, ::gpudl::emulation::Where at = {}) {
    const int first = ::gpudl::emulation::lane() & ~(width - 1);
    return ::gpudl::emulation::shuffle(mask, value, first | (source & (width - 1)), "__shfl_sync", at);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, ::gpudl::emulation::Where at = {}) {
    const int lane = ::gpudl::emulation::lane(), source = lane ^ lanes;
    return ::gpudl::emulation::shuffle(mask, value, source < (lane & ~(width - 1)) + width ? source : lane, "__shfl_xor_sync", at);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32, ::gpudl::emulation::Where at = {}) {
    const int lane = ::gpudl::emulation::lane(), source = lane + int(lanes);
    return ::gpudl::emulation::shuffle(mask, value, source < (lane & ~(width - 1)) + width ? source : lane, "__shfl_down_sync", at);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32, ::gpudl::emulation::Where at = {}) {
    const int lane = ::gpudl::emulation::lane(), source = lane - int(lanes);
    return ::gpudl::emulation::shuffle(mask, value, source >= (lane & ~(width - 1)) ? source : lane, "__shfl_up_sync", at);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, ::gpudl::emulation::Where at = {}) {
    ::gpudl::emulation::Vote vote{predicate != 0, 0};
    ::gpudl::emulation::warp_collective(mask, "__ballot_sync", &vote, ::gpudl::emulation::ballot_lanes, false, at);
    return unsigned(vote.result);
}
inline int __any_sync(unsigned mask, int predicate, ::gpudl::emulation::Where at = {}) { return __ballot_sync(mask, predicate, at) != 0; }
inline int __all_sync(unsigned mask, int predicate, ::gpudl::emulation::Where at = {}) { return __ballot_sync(mask, !predicate, at) == 0; }
template <class T> unsigned __match_any_sync(unsigned mask, T value, ::gpudl::emulation::Where at = {}) {
    ::gpudl::emulation::Vote vote{::gpudl::emulation::to_bits(value), 0};
    ::gpudl::emulation::warp_collective(mask, "__match_any_sync", &vote, ::gpudl::emulation::match_lanes, false, at);
    return unsigned(vote.result);
}

namespace gpudl::emulation {

template <class T, class F> GPUDL_UNSEEN T atomic_update(T* pointer, F next_of, Where at) {
    check_aligned(pointer, sizeof(T), at);
    note(pointer, sizeof(T), Access::atomic, at);
    T old, next;
    std::memcpy(&old, pointer, sizeof(T));  // one OS thread runs all of a grid, and it does not switch here
    next = next_of(old);
    std::memcpy(pointer, &next, sizeof(T));
    return old;
}

}  // namespace gpudl::emulation

#define GPUDL_EMULATED_ATOMIC(name, next)                                                                                                  \
    template <class T> GPUDL_UNSEEN T name(T* pointer, T value, ::gpudl::emulation::Where at = {}) {                                       \
        return ::gpudl::emulation::atomic_update(pointer, [value]([[maybe_unused]] T old) GPUDL_UNSEEN -> T { return next; }, at);         \
    }
GPUDL_EMULATED_ATOMIC(atomicAdd, old + value)
GPUDL_EMULATED_ATOMIC(atomicSub, old - value)
GPUDL_EMULATED_ATOMIC(atomicMax, old < value ? value : old)
GPUDL_EMULATED_ATOMIC(atomicMin, value < old ? value : old)
GPUDL_EMULATED_ATOMIC(atomicExch, value)
GPUDL_EMULATED_ATOMIC(atomicOr, old | value)
GPUDL_EMULATED_ATOMIC(atomicAnd, old& value)
GPUDL_EMULATED_ATOMIC(atomicXor, old ^ value)
GPUDL_EMULATED_ATOMIC(atomicInc, old >= value ? T(0) : T(old + 1))
#undef GPUDL_EMULATED_ATOMIC
template <class T> GPUDL_UNSEEN T atomicCAS(T* pointer, T expected, T value, ::gpudl::emulation::Where at = {}) {
    return ::gpudl::emulation::atomic_update(
        pointer, [expected, value](T old) GPUDL_UNSEEN -> T { return old == expected ? value : old; }, at);
}
