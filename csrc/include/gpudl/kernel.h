// Says what a kernel is, and enters it into the table that Python reads. The contract:
//
//  1. Write only to the outputs and workspace given; allocate nothing. Workspace is an extra output, sized by a pure function of
//     shapes and attributes.
//  2. Never synchronise with the host; use the stream given (null on the CPU).
//  3. Attributes are constants of the model; what varies per step (learning rate, step count, random state, loss scale) is a buffer.
//  4. Same inputs, same bits: fixed-order reductions, no floating-point atomics.
//
// A kernel registers a signature, letters of dtype.h: outputs <- inputs ; attributes
//
//     GPUDL_KERNEL(gather_rows, "* <- * l l") { … }              * any dtype, the same for every * of the signature
//     GPUDL_KERNEL(cast, ". <- .") { … }                         . any dtype, whatever the others are
//     GPUDL_KERNEL(copy, "f <- ~f") { … }                        ~ any strides; without it the operand is dense
//     GPUDL_KERNEL(scale, "f <- f ; r | d <- d ; r") { … }       | another signature of the same kernel; r a real, i an integer attribute
//     GPUDL_KERNEL(sum, "f <- f ; i i*") { … }                   i* any number of integers, none too: count_attrs(attrs) says how many came
//     GPUDL_KERNEL_WHEN(sum_to, "f <- f", leading_axes) { … }    a predicate: what a kernel does not take, it must decline here
//
// Asked for operands, the table answers: done · missing (no such dtypes or shapes: the reference kernel runs) · needs_contiguous (it would run
// on dense copies of the inputs). An output that should be dense and is not counts as missing, since a copy of it would be written in vain.
#pragma once
#include <stdexcept>
#include <string>

#include <gpudl/tensor_view.h>

namespace gpudl {

constexpr int max_operands = 16;  // on each side
constexpr int max_attrs = 16;     // in a signature; behind i* or r* there may be more

struct Scalar {
    double real;
    int64_t integer;  // from 2^63 to 2^64 by its bits
};

// Stands behind the last attribute. No number is read as this: NaN as an attribute has the integer 0.
constexpr Scalar attrs_end = {__builtin_nan(""), INT64_MIN};

inline int count_attrs(const Scalar* attrs) {
    int n = 0;
    while (attrs[n].integer != attrs_end.integer || attrs[n].real == attrs[n].real) n++;
    return n;
}

using Stream = void*;  // a cudaStream_t

using Kernel = void (*)(const TensorView* outs, const TensorView* ins, const Scalar* attrs, Stream stream);
using Predicate = bool (*)(const TensorView* outs, const TensorView* ins, const Scalar* attrs);

// What a kernel may throw: a launch that the device refused. The binding adds the kernel's name.
struct KernelError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A kernel as written in its file; kernel_table.h turns these into the table.
struct Registration {
    const char* name;
    const char* signature;
    Kernel kernel;
    Predicate when;  // null: every shape
    Registration* next;

    static Registration*& first() {
        static Registration* head = nullptr;
        return head;
    }
    Registration(const char* n, const char* s, Kernel k, Predicate w) : name(n), signature(s), kernel(k), when(w), next(first()) {
        first() = this;
    }
};

}  // namespace gpudl

#define GPUDL_KERNEL(name, signature) GPUDL_KERNEL_WHEN(name, signature, nullptr)
#define GPUDL_KERNEL_WHEN(name, signature, when)                                                                                           \
    static void name##_kernel(const ::gpudl::TensorView*, const ::gpudl::TensorView*, const ::gpudl::Scalar*, ::gpudl::Stream);            \
    static ::gpudl::Registration name##_registration(#name, signature, name##_kernel, when);                                               \
    static void name##_kernel([[maybe_unused]] const ::gpudl::TensorView* outs, [[maybe_unused]] const ::gpudl::TensorView* ins,           \
                              [[maybe_unused]] const ::gpudl::Scalar* attrs, [[maybe_unused]] ::gpudl::Stream stream)
