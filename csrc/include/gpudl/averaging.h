// Defines what is gathered over steps, element by element, once for the C++ and the CUDA kernels: gpudl/ops/averaging.py.
#pragma once
#include <gpudl/erased.h>
#include <gpudl/math.h>
#include <gpudl/optimizers.h>

namespace gpudl {
namespace averaging {

// A whole number of a step, in its buffer.
struct Counter {
    const char* data;
    char dtype;
    GPUDL_HOST_DEVICE int64_t get() const { return erased::Integer::load(data, dtype); }
};

// (total + g) / steps
struct MeanGradient {
    double steps;
    template <class C> GPUDL_HOST_DEVICE C operator()(C total, C g) const { return (total + g) / C(steps); }
};

// momentum average + (1 - momentum) p; p in the first step.
struct Average {
    Counter steps;
    double momentum;
    template <class C> GPUDL_HOST_DEVICE C operator()(C average, C p) const {
        const C kept = steps.get() != 0 ? C(momentum) : C(0);
        return average * kept + p * (C(1) - kept);
    }
};

// When something is copied: where a flag is 0, or in steps whose number, counted from 1, is a multiple of `every`.
struct Due {
    Counter counter;
    int64_t every;  // 0: the counter is a flag
    GPUDL_HOST_DEVICE bool operator()() const { return every == 0 ? counter.get() == 0 : (counter.get() + 1) % every == 0; }
};

// Which numbers are infinite or NaN, by the bits of their exponents: `mask` of the 4 bytes with odd and with even number.
struct NotFinite {
    uint32_t even, odd, lower;  // lower: of the first of two 16-bit floats

    static NotFinite of(char dtype) {
        switch (dtype) {
            case 'f': return {0x7f800000u, 0x7f800000u, 0};
            case 'd': return {0, 0x7ff00000u, 0};
            case 'e': return {0x7c000000u, 0x7c000000u, 0x7c00u};
            case 'E': return {0x7f800000u, 0x7f800000u, 0x7f80u};
            default: return {0, 0, 0};  // integers are finite
        }
    }
    GPUDL_HOST_DEVICE static bool full(uint32_t word, uint32_t mask) { return mask != 0 && (word & mask) == mask; }
    GPUDL_HOST_DEVICE bool pair(uint32_t first, uint32_t second) const {
        return full(first, even) || full(second, odd) || full(first, lower) || full(second, lower);
    }
    GPUDL_HOST_DEVICE static bool one(const char* from, char dtype) {
        switch (dtype) {
            case 'd': {
                const double x = erased::Double::load(from, dtype);
                return !(x - x == 0.0);
            }
            case 'f':
            case 'e':
            case 'E': {
                const float x = erased::Single::load(from, dtype);
                return !(x - x == 0.0f);
            }
            default: return false;
        }
    }
};

// Halves the scale after a step that was not finite, doubles it after `growth_steps` in a row that were.
struct LossScale {
    int64_t growth_steps;
    template <class C> GPUDL_HOST_DEVICE void operator()(C& scale, int64_t& count, bool finite) const {
        const bool grown = finite && count >= growth_steps - 1;
        scale *= grown ? C(2) : finite ? C(1) : C(0.5);
        count = finite && !grown ? count + 1 : 0;
    }
};

}  // namespace averaging
}  // namespace gpudl
