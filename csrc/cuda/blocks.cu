// Puts blocks into larger tensors: concatenate, pad, slice_grad, slice_update, slice_clear, diagonal_grad. Two copies or a fill and a copy of
// copy.cu, into views; the second writes its block again. And cuts a tensor into parts: a copy of a view each.
//
// bytes moved per element: 2 item sizes for what is copied, 1 for what is filled. Expected bound: memory bandwidth.
#include <gpudl/dtype.h>

#include "copy.cuh"

namespace gpudl {
namespace {

// A view of a part of another one. It owns its shape and strides, so it must outlive the TensorView that it makes.
struct Part {
    int64_t shape[max_dims], strides[max_dims];
    TensorView view;

    explicit Part(const TensorView& whole) : view(whole) {
        int64_t step = itemsize(whole.dtype);
        for (int d = whole.ndim - 1; d >= 0; d--) {  // outputs are dense, and strides of axes of size 1 mean nothing
            shape[d] = whole.shape[d];
            strides[d] = step;
            step *= shape[d];
        }
        view.shape = shape;
        view.strides = strides;
    }
    // Of an input, which may have any strides.
    Part(const TensorView& whole, const int64_t* steps) : Part(whole) {
        for (int d = 0; d < whole.ndim; d++) strides[d] = steps[d];
    }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    void take(int axis, int64_t start, int64_t step, int64_t length) {
        if (length > 0) view.data = static_cast<char*>(view.data) + start * strides[axis];
        shape[axis] = length;
        strides[axis] *= step;
        view.dense = false;
    }
};

int64_t integer(const Scalar* attrs, int i) { return attrs[i].integer; }

// Whether `part` of y and `block` have equal shapes: the op's infer saw to it, a wrong caller is declined.
bool inside(const TensorView& whole, int axis, int64_t start, int64_t step, int64_t length) {
    if (length < 0 || step == 0) return false;
    const int64_t last = start + (length - 1) * step;
    return length == 0 || (start >= 0 && start < whole.shape[axis] && last >= 0 && last < whole.shape[axis]);
}

constexpr int most_parts = max_operands;

bool parts_fit(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int parts = count_attrs(attrs) - 1, axis = int(integer(attrs, 0));
    if (parts < 1 || parts > most_parts || axis < 0 || axis >= outs[0].ndim) return false;
    int64_t together = 0;
    for (int i = 0; i < parts; i++) {
        if (ins[i].ndim != outs[0].ndim || ins[i].shape[axis] != integer(attrs, 1 + i)) return false;
        for (int d = 0; d < outs[0].ndim; d++) {
            if (d != axis && ins[i].shape[d] != outs[0].shape[d]) return false;
        }
        together += ins[i].shape[axis];
    }
    return together == outs[0].shape[axis];
}

// attrs: axis, how many.
bool cut_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int64_t axis = integer(attrs, 0), parts = integer(attrs, 1);
    if (axis < 0 || axis >= ins[0].ndim || parts < 1 || parts > most_parts) return false;
    for (int i = 0; i < parts; i++) {
        if (outs[i].ndim != ins[0].ndim || outs[i].shape[axis] * parts != ins[0].shape[axis]) return false;
        for (int d = 0; d < ins[0].ndim; d++) {
            if (d != axis && outs[i].shape[d] != ins[0].shape[d]) return false;
        }
    }
    return true;
}

bool pad_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int n = outs[0].ndim;
    if (ins[0].ndim != n || count_attrs(attrs) != 1 + 2 * n) return false;
    for (int d = 0; d < n; d++) {
        const int64_t before = integer(attrs, 1 + d);
        if (before < 0 || before + ins[0].shape[d] + integer(attrs, 1 + n + d) != outs[0].shape[d]) return false;
    }
    return true;
}

// attrs: ndim, starts, steps, shape of the whole, lengths.
bool slice_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int n = int(integer(attrs, 0));
    if (n != outs[0].ndim || ins[0].ndim != n || count_attrs(attrs) != 1 + 4 * n) return false;
    for (int d = 0; d < n; d++) {
        const int64_t length = integer(attrs, 1 + 3 * n + d);
        if (ins[0].shape[d] != length || !inside(outs[0], d, integer(attrs, 1 + d), integer(attrs, 1 + n + d), length)) return false;
    }
    return true;
}

// attrs: starts, lengths.
bool block_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int n = outs[0].ndim;
    if (!same_shape(outs[0], ins[0]) || count_attrs(attrs) != 2 * n) return false;
    for (int d = 0; d < n; d++) {
        if (!inside(outs[0], d, integer(attrs, d), 1, integer(attrs, n + d))) return false;
    }
    return true;
}
bool update_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    if (!block_fits(outs, ins, attrs) || ins[1].ndim != outs[0].ndim) return false;
    for (int d = 0; d < outs[0].ndim; d++) {
        if (ins[1].shape[d] != integer(attrs, outs[0].ndim + d)) return false;
    }
    return true;
}

// attrs: the diagonal, rows, columns.
bool diagonal_fits(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int n = outs[0].ndim;
    if (n < 2 || ins[0].ndim != n - 1 || n > max_dims) return false;
    const int64_t k = integer(attrs, 0), rows = outs[0].shape[n - 2], columns = outs[0].shape[n - 1], length = ins[0].shape[n - 2];
    return length == 0 || (k >= 0 ? length <= rows && length + k <= columns : length - k <= rows && length <= columns);
}

void block_of(Part& part, const Scalar* attrs) {
    const int n = part.view.ndim;
    for (int d = 0; d < n; d++) part.take(d, integer(attrs, d), 1, integer(attrs, n + d));
}

}  // namespace

#define GPUDL_MANY_1 "~*"
#define GPUDL_MANY_2 GPUDL_MANY_1 " ~*"
#define GPUDL_MANY_3 GPUDL_MANY_2 " ~*"
#define GPUDL_MANY_4 GPUDL_MANY_3 " ~*"
#define GPUDL_MANY_5 GPUDL_MANY_4 " ~*"
#define GPUDL_MANY_6 GPUDL_MANY_5 " ~*"
#define GPUDL_MANY_7 GPUDL_MANY_6 " ~*"
#define GPUDL_MANY_8 GPUDL_MANY_7 " ~*"
#define GPUDL_JOIN(n) "* <- " GPUDL_MANY_##n " ; i i*"

GPUDL_KERNEL_WHEN(concatenate,
                  GPUDL_JOIN(1) " | " GPUDL_JOIN(2) " | " GPUDL_JOIN(3) " | " GPUDL_JOIN(4) " | " GPUDL_JOIN(5) " | " GPUDL_JOIN(
                      6) " | " GPUDL_JOIN(7) " | " GPUDL_JOIN(8),
                  parts_fit) {
    const int parts = count_attrs(attrs) - 1, axis = int(integer(attrs, 0));
    int64_t start = 0;
    for (int i = 0; i < parts; i++) {
        Part part(outs[0]);
        part.take(axis, start, 1, ins[i].shape[axis]);
        copy_view("concatenate", part.view, ins[i], stream);
        start += ins[i].shape[axis];
    }
}

GPUDL_KERNEL_WHEN(parts,
                  "* <- ~* ; i i | ** <- ~* ; i i | *** <- ~* ; i i | **** <- ~* ; i i | ***** <- ~* ; i i | ****** <- ~* ; i i | "
                  "******* <- ~* ; i i | ******** <- ~* ; i i",
                  cut_fits) {
    const int axis = int(integer(attrs, 0)), parts = int(integer(attrs, 1));
    for (int i = 0; i < parts; i++) {
        Part part(ins[0], ins[0].strides);
        const int64_t length = outs[i].shape[axis];
        part.take(axis, i * length, 1, length);
        copy_view("parts", outs[i], part.view, stream);
    }
}

GPUDL_KERNEL_WHEN(pad, "* <- ~* ; r i*", pad_fits) {
    fill_view("pad", outs[0], bits_of(outs[0].dtype, attrs[0]), stream);
    Part part(outs[0]);
    for (int d = 0; d < outs[0].ndim; d++) part.take(d, integer(attrs, 1 + d), 1, ins[0].shape[d]);
    copy_view("pad", part.view, ins[0], stream);
}

GPUDL_KERNEL_WHEN(slice_grad, "* <- ~* ; i i*", slice_fits) {
    fill_view("slice_grad", outs[0], 0, stream);
    Part part(outs[0]);
    const int n = outs[0].ndim;
    for (int d = 0; d < n; d++) part.take(d, integer(attrs, 1 + d), integer(attrs, 1 + n + d), integer(attrs, 1 + 3 * n + d));
    copy_view("slice_grad", part.view, ins[0], stream);
}

GPUDL_KERNEL_WHEN(slice_clear, "* <- ~* ; i*", block_fits) {
    copy_view("slice_clear", outs[0], ins[0], stream);
    Part part(outs[0]);
    block_of(part, attrs);
    fill_view("slice_clear", part.view, 0, stream);
}

GPUDL_KERNEL_WHEN(slice_update, "* <- ~* ~* ; i*", update_fits) {
    copy_view("slice_update", outs[0], ins[0], stream);
    Part part(outs[0]);
    block_of(part, attrs);
    copy_view("slice_update", part.view, ins[1], stream);
}

GPUDL_KERNEL_WHEN(diagonal_grad, "* <- ~* ; i i i", diagonal_fits) {
    fill_view("diagonal_grad", outs[0], 0, stream);
    const int64_t k = integer(attrs, 0);
    Part part(outs[0]);
    const int n = outs[0].ndim;
    const int64_t length = ins[0].shape[n - 2];
    if (length == 0) return;
    part.view.data = static_cast<char*>(part.view.data) + (k >= 0 ? k * part.strides[n - 1] : -k * part.strides[n - 2]);
    part.shape[n - 2] = length;
    part.strides[n - 2] += part.strides[n - 1];  // a step along the diagonal
    part.view.ndim = n - 1;
    part.view.dense = false;
    copy_view("diagonal_grad", part.view, ins[0], stream);
}

}  // namespace gpudl
