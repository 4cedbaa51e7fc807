// The module gpudl._cuda: CUDA kernels on CuPy arrays. It imports without CuPy, without a GPU and without a driver.
#include <cuda_runtime.h>
#include <pybind11/numpy.h>

#include <atomic>
#include <optional>

#include "call.h"
#include "explain.h"
#include "numpy_dtype.h"
#include <gpudl/check.h>

namespace gpudl {
namespace {

// A thread that never chose a stream uses the one chosen last anywhere: a backend is made in one thread and used in several.
std::atomic<Stream> latest_stream{nullptr};
thread_local std::optional<Stream> own_stream;

// A reference that ends with its scope.
struct Owned {
    PyObject* object;
    ~Owned() { Py_XDECREF(object); }
    operator PyObject*() const { return object; }
};

Owned attribute(PyObject* object, const char* name) { return {PyObject_GetAttrString(object, name)}; }

struct CupyArrays {
    static constexpr const char* kernel_capsule = "gpudl._cuda.kernel";
    static constexpr const char* call_capsule = "gpudl._cuda.call";
    static constexpr bool host = false;
    static void run(const Call& call) { call.run(own_stream ? *own_stream : latest_stream.load()); }

    static bool read(PyObject* object, TensorView& view, int64_t* dims, bool) {
        const Owned memory = attribute(object, "data");
        const Owned pointer = memory ? attribute(memory, "ptr") : Owned{nullptr};  // an array of the host has a data without
        const Owned shape = pointer ? attribute(object, "shape") : Owned{nullptr},
                    strides = shape ? attribute(object, "strides") : Owned{nullptr},
                    dtype = strides ? attribute(object, "dtype") : Owned{nullptr};
        if (!dtype && !PyErr_ExceptionMatches(PyExc_AttributeError)) return false;
        const bool whole = dtype && PyTuple_Check(shape) && PyTuple_Check(strides) &&
                           PyTuple_GET_SIZE(shape.object) == PyTuple_GET_SIZE(strides.object) &&
                           py::detail::npy_api::get().PyArrayDescr_Check_(dtype);
        if (!whole) {
            PyErr_Clear();
            PyErr_Format(PyExc_TypeError, "expected a cupy.ndarray, an array on the GPU. Received: %s", Py_TYPE(object)->tp_name);
            return false;
        }
        const Py_ssize_t given = PyTuple_GET_SIZE(shape.object);
        const bool countable = given <= max_dims;
        const int nd = countable ? int(given) : 0;
        for (int i = 0; i < nd; i++) {
            dims[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape.object, i));
            dims[max_dims + i] = PyLong_AsLongLong(PyTuple_GET_ITEM(strides.object, i));
        }
        void* data = PyLong_AsVoidPtr(pointer);
        if (PyErr_Occurred()) return false;
        const char letter = countable ? letter_of(dtype) : no_dtype;
        view = {data, dims, dims + max_dims, nd, letter, false};
        const int64_t bytes = itemsize(letter);
        view.dense = bytes > 0 && is_contiguous(view, bytes) && reinterpret_cast<uintptr_t>(data) % uintptr_t(bytes) == 0;
        return true;
    }
};

// (number of usable devices, why it is none). No exception: a machine without a GPU is an ordinary one.
py::tuple devices() {
    int driver = 0, count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaSuccess && count > 0) return py::make_tuple(count, "");
    cudaGetLastError();
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return py::make_tuple(0, "no NVIDIA driver was found (" + describe(status) + ")");
    if (status == cudaSuccess) return py::make_tuple(0, "the NVIDIA driver reports no device");
    return py::make_tuple(0, describe(status) + " (driver for CUDA " + std::to_string(driver / 1000) + "." +
                                 std::to_string(driver % 1000 / 10) + ", gpudl built with CUDA " + std::to_string(CUDART_VERSION / 1000) +
                                 "." + std::to_string(CUDART_VERSION % 1000 / 10) + ")");
}

void set_stream(uintptr_t pointer, uintptr_t memory, int64_t bytes) {
    own_stream = reinterpret_cast<Stream>(pointer);
    latest_stream = *own_stream;
    set_scratch({reinterpret_cast<void*>(memory), bytes});
}

}  // namespace

PYBIND11_MODULE(_cuda, m) {
    m.doc() = "CUDA kernels on CuPy arrays.";
    py::detail::npy_api::get();
    Functions<CupyArrays>::add_to(m);
    add_dispatch<CupyArrays>(m);
    m.def("set_stream", set_stream, py::arg("stream"), py::arg("scratch") = 0, py::arg("scratch_bytes") = 0, py::pos_only(),
          "The stream of launches from this thread and from threads that never chose one, as an integer (cupy.cuda.Stream.ptr); 0: CUDA's "
          "default stream. And memory that its kernels may use between their launches: address and size in bytes.");
    m.def("devices", devices, "(number of usable devices, the reason if it is none).");
}

}  // namespace gpudl
