// Describes which axes of a dense array go and which stay, neighbours joined: most reductions are then rows or columns.
#pragma once
#include <gpudl/dtype.h>
#include <gpudl/kernel.h>

namespace gpudl {

// Sizes and strides in elements, outermost first. An output is numbered as in the array without the axes that go.
struct Axes {
    static constexpr int most = max_dims / 2;  // joined runs alternate
    int kept, gone;
    int64_t kept_size[most], kept_stride[most], gone_size[most], gone_stride[most];
    int64_t outputs, count;  // results, and numbers that make one of them

    bool rows() const { return gone == 0 || (gone == 1 && gone_stride[0] == 1); }  // one after the other in memory
    bool columns() const { return gone == 1 && gone_stride[0] > 1; }               // (outer, count, inner)
    int64_t inner() const { return gone == 1 && count > 0 ? gone_stride[0] : 1; }
};

GPUDL_HOST_DEVICE inline int64_t offset_of(int64_t index, const int64_t* size, const int64_t* stride, int n) {
    int64_t offset = 0;
    for (int k = n - 1; k > 0; k--) {
        const int64_t rest = index / size[k];
        offset += (index - rest * size[k]) * stride[k];
        index = rest;
    }
    return n > 0 ? offset + index * stride[0] : 0;
}

// `goes[i]` says whether axis i goes.
inline Axes axes_of(const TensorView& x, const bool* goes) {
    Axes axes = {0, 0, {}, {}, {}, {}, 1, 1};
    int64_t stride[max_dims + 1];
    stride[x.ndim] = 1;
    for (int i = x.ndim - 1; i >= 0; i--) stride[i] = stride[i + 1] * x.shape[i];
    int before = -1;  // whether the axis before went
    for (int i = 0; i < x.ndim; i++) {
        (goes[i] ? axes.count : axes.outputs) *= x.shape[i];
        if (x.shape[i] == 1) continue;
        int& runs = goes[i] ? axes.gone : axes.kept;
        int64_t* sizes = goes[i] ? axes.gone_size : axes.kept_size;
        int64_t* strides = goes[i] ? axes.gone_stride : axes.kept_stride;
        if (before == int(goes[i])) sizes[runs - 1] *= x.shape[i];
        else sizes[runs++] = x.shape[i];
        strides[runs - 1] = stride[i + 1];
        before = goes[i];
    }
    return axes;
}

// (outputs, count) by rows, and (count, outputs) by columns.
inline Axes rows_of(int64_t outputs, int64_t count) { return {1, 1, {outputs}, {count}, {count}, {1}, outputs, count}; }
inline Axes columns_of(int64_t count, int64_t outputs) { return {1, 1, {outputs}, {1}, {count}, {outputs}, outputs, count}; }

// The attributes (keepdims, axis, axis …) of a reduction.
inline Axes reduced_axes(const TensorView& x, const Scalar* attrs) {
    bool goes[max_dims] = {};
    for (int i = 1, n = count_attrs(attrs); i < n; i++) goes[attrs[i].integer] = true;
    return axes_of(x, goes);
}

}  // namespace gpudl
