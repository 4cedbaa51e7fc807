// How the operands of tensor cores and of the copy engine lie: 16-bit halves of registers, and swizzled shared memory.
#pragma once
#include <cstdint>

#include "instructions.h"

namespace gpudl::emulation {

inline float half_of(uint32_t pair, int which, Operands kind) {
    const uint16_t bits = uint16_t(pair >> (16 * which));
    if (kind == Operands::bf16) return from_bits<float>(uint32_t(bits) << 16);
    return __half2float(__ushort_as_half(bits));
}

inline float tf32_of(uint32_t bits) { return from_bits<float>(bits & ~0x1fffu); }  // the low 13 bits are not looked at

// Where a byte lies under a swizzle over `span` bytes: bits of the address are XORed with higher ones.
inline uint32_t swizzled(uint32_t address, int span) {
    const uint32_t bits = span == 128 ? 7 : span == 64 ? 3 : span == 32 ? 1 : 0;
    return address ^ ((address >> 7 & bits) << 4);
}

}  // namespace gpudl::emulation
