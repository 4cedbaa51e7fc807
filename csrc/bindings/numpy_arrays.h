// Reads a numpy.ndarray into a TensorView.
#pragma once
#include <pybind11/numpy.h>

#include "numpy_dtype.h"
#include "python.h"

namespace gpudl {

inline bool read_numpy(PyObject* object, TensorView& view, int64_t* dims, bool output) {
    using Api = py::detail::npy_api;
    if (!Api::get().PyArray_Check_(object)) {
        PyErr_Format(PyExc_TypeError, "expected a numpy.ndarray. Received: %s", Py_TYPE(object)->tp_name);
        return false;
    }
    const auto* array = py::detail::array_proxy(object);
    if (output && !(array->flags & Api::NPY_ARRAY_WRITEABLE_)) {
        PyErr_SetString(PyExc_ValueError, "an output array is read-only");
        return false;
    }
    const bool countable = array->nd <= max_dims;
    const int nd = countable ? array->nd : 0;
    for (int i = 0; i < nd; i++) {
        dims[i] = array->dimensions[i];
        dims[max_dims + i] = array->strides[i];
    }
    constexpr int dense = Api::NPY_ARRAY_C_CONTIGUOUS_ | Api::NPY_ARRAY_ALIGNED_;
    view = {array->data, dims, dims + max_dims, nd, countable ? letter_of(array->descr) : no_dtype, (array->flags & dense) == dense};
    return true;
}

}  // namespace gpudl
