// Reads class numbers of any dtype: a label is one of 0 … classes - 1, or outside.
#pragma once
#include <gpudl/erased.h>

namespace gpudl {
namespace labels {

constexpr int64_t outside = -1, between = -2;  // between: a fraction that lies inside

GPUDL_HOST_DEVICE inline bool is_float(char dtype) { return dtype == 'f' || dtype == 'd' || dtype == 'e' || dtype == 'E'; }

// Any number as double; uint64 is wrong from 2^63 on, which is outside anyway.
GPUDL_HOST_DEVICE inline double number(const char* base, char dtype, int64_t i) {
    const char* from = base + i * itemsize(dtype);
    if (dtype == 'd') return erased::Double::load(from, dtype);
    return is_float(dtype) ? double(erased::Single::load(from, dtype)) : double(erased::Integer::load(from, dtype));
}

struct Labels {
    const char* data;
    char dtype;
    int64_t classes;

    // `whole`: a fraction is no class; else its whole part is meant.
    GPUDL_HOST_DEVICE int64_t at(int64_t i, bool whole) const {
        if (!is_float(dtype)) {
            const int64_t label = erased::Integer::load(data + i * itemsize(dtype), dtype);
            return label >= 0 && label < classes ? label : outside;
        }
        const double label = number(data, dtype, i);
        if (!(label >= 0 && label < double(classes))) return outside;  // NaN too
        const int64_t part = int64_t(label);
        return whole && double(part) != label ? between : part;
    }
};

}  // namespace labels
}  // namespace gpudl
