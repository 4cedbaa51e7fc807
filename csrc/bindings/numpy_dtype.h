// Reads a numpy.dtype object into a letter of dtype.h.
#pragma once
#include <pybind11/numpy.h>

#include <gpudl/dtype.h>

namespace gpudl {

// By kind and size, never by number or letter alone: bfloat16's number is given at run time, `long long` is not `long` but as wide,
// a foreign byte order has the number of the native one, and ml_dtypes uses some letters twice ('E' is bfloat16 and uint1).
inline char letter_of(PyObject* dtype) {
    const auto* d = reinterpret_cast<const pybind11::detail::PyArrayDescr2_Proxy*>(dtype);
    constexpr char foreign = PY_BIG_ENDIAN ? '<' : '>';
    if (d->byteorder == foreign) return no_dtype;
    const auto pick = [d](const char* letters) {  // for 1, 2, 4 and 8 bytes
        switch (d->elsize) {
            case 1: return letters[0];
            case 2: return letters[1];
            case 4: return letters[2];
            case 8: return letters[3];
            default: return no_dtype;
        }
    };
    switch (d->kind) {
        case 'b': return '?';
        case 'i': return pick("bhil");
        case 'u': return pick("BHIL");
        case 'f': return pick("\0efd");
        case 'V': return d->type == 'E' && d->elsize == 2 ? 'E' : no_dtype;
        default: return no_dtype;
    }
}

}  // namespace gpudl
