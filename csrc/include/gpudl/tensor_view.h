// Describes an operand to a kernel: where it lies, its shape, strides and dtype. It owns nothing.
#pragma once
#include <cstdint>

namespace gpudl {

constexpr int max_dims = 16;

struct TensorView {
    void* data;
    const int64_t* shape;
    const int64_t* strides;  // bytes; undefined along axes of size 1
    int32_t ndim;
    char dtype;  // a letter of dtype.h
    bool dense;  // C-contiguous, and aligned for its dtype

    template <class T> T* as() const { return static_cast<T*>(data); }

    int64_t size() const {
        int64_t n = 1;
        for (int i = 0; i < ndim; i++) n *= shape[i];
        return n;
    }
};

inline bool same_shape(const TensorView& a, const TensorView& b) {
    if (a.ndim != b.ndim) return false;
    for (int i = 0; i < a.ndim; i++) {
        if (a.shape[i] != b.shape[i]) return false;
    }
    return true;
}

// C order without gaps. Axes of size 1 have no meaningful stride, and an empty array has no element out of place.
inline bool is_contiguous(const TensorView& view, int64_t itemsize) {
    int64_t expected = itemsize;
    bool ordered = true;
    for (int i = view.ndim - 1; i >= 0; i--) {
        if (view.shape[i] == 0) return true;
        if (view.shape[i] != 1 && view.strides[i] != expected) ordered = false;
        expected *= view.shape[i];
    }
    return ordered;
}

}  // namespace gpudl
