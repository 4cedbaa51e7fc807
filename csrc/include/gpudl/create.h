// Defines tensors made from nothing and from indices: element i of arange, linspace, eye, tri, one_hot and ravel_index, once for the C++ and
// the CUDA kernels: gpudl/ops/create.py and indexing.py.
#pragma once
#include <gpudl/layout.h>

namespace gpudl {

struct Arange {  // exact in int64
    int64_t start, step;
    GPUDL_HOST_DEVICE int64_t operator()(int64_t i) const { return int64_t(uint64_t(start) + uint64_t(i) * uint64_t(step)); }
};

struct ArangeReal {
    double start, step;
    GPUDL_HOST_DEVICE double operator()(int64_t i) const { return double(i) * step + start; }
};

struct Linspace {  // as NumPy: the last one is `stop` itself if that is the end
    double start, stop;
    int64_t num;
    bool endpoint;
    GPUDL_HOST_DEVICE double operator()(int64_t i) const {
        if (endpoint && num > 1 && i == num - 1) return stop;
        const double difference = stop - start, parts = double(endpoint ? num - 1 : num);
        if (parts == 0) return double(i) * difference + start;
        const double step = difference / parts;
        return (step == 0 ? double(i) / parts * difference : double(i) * step) + start;
    }
};

struct Diagonal {  // eye: 1 where column - row is k; tri: where it is not greater
    Divisor columns;
    int64_t m, k;
    bool below;
    GPUDL_HOST_DEVICE int64_t operator()(int64_t i) const {
        const int64_t row = columns.divide(i), distance = i - row * m - row;
        return distance == k || (below && distance < k);
    }
};

constexpr int most_indices = 6;

// One index into flattened axes from one for each. Negative ones count from the end; one out of range gives their product, which is, too.
struct RavelIndex {
    int64_t sizes[most_indices];
    template <class... I> GPUDL_HOST_DEVICE int64_t operator()(I... indices) const {
        const int64_t all[] = {indices...};
        int64_t flat = 0, product = 1;
        bool wrong = false;
        for (int k = 0; k < int(sizeof...(I)); k++) {
            const int64_t n = sizes[k], found = all[k] < 0 ? all[k] + n : all[k];
            wrong = wrong || found < 0 || found >= n;
            flat = flat * n + found;
            product *= n;
        }
        return wrong ? product : flat;
    }
};

}  // namespace gpudl
