// The module gpudl._cpu: C++ kernels on NumPy arrays.
#include "call.h"
#include "numpy_arrays.h"

namespace gpudl {
namespace {

struct NumpyArrays {
    static constexpr const char* kernel_capsule = "gpudl._cpu.kernel";
    static constexpr const char* call_capsule = "gpudl._cpu.call";
    static constexpr bool host = true;
    static void run(const Call& call) { call.run(nullptr); }
    static bool read(PyObject* object, TensorView& view, int64_t* dims, bool output) { return read_numpy(object, view, dims, output); }
};

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.doc() = "C++ kernels on NumPy arrays.";
    py::detail::npy_api::get();  // NumPy's table is found now, or the import fails with NumPy's own words
    Functions<NumpyArrays>::add_to(m);
}

}  // namespace gpudl
