// The modules gpudl._cuda_emulated and gpudl._cuda_checked: the CUDA kernels, compiled by the host compiler, on NumPy arrays.
#include <cstring>
#include <stdexcept>
#include <vector>

#include "call.h"
#include "explain.h"
#include "numpy_arrays.h"
#include "../emulation/control.h"

#define GPUDL_TEXT_OF(name) #name
#define GPUDL_TEXT(name) GPUDL_TEXT_OF(name)

namespace gpudl {
namespace {

// From the first byte to the last that a view reaches, whatever the signs of its strides.
void register_view(const TensorView& view, const std::string& name, bool writable) {
    const int64_t item = itemsize(view.dtype);
    int64_t low = 0, high = item;
    if (view.size() == 0) high = 0;
    for (int i = 0; i < view.ndim && high; i++) {
        const int64_t reach = view.shape[i] > 1 ? (view.shape[i] - 1) * view.strides[i] : 0;
        (reach < 0 ? low : high) += reach;
    }
    emulation::register_array(view.as<char>() + low, size_t(high - low), size_t(item), name, writable);
}

// Small, so that kernels which fit their partial results into it are seen to. Each call finds NaN in it, or zeros if blocks are left out.
constexpr size_t scratch_bytes = 1 << 20;

void* fresh_scratch() {
    static std::vector<double> memory(scratch_bytes / sizeof(double));
    std::memset(memory.data(), emulation::schedule().only_last ? 0 : 0xff, scratch_bytes);
    return memory.data();
}

// The arrays that a kernel may touch while it runs.
struct Registered {
    explicit Registered(const Call& call) {
        emulation::register_array(fresh_scratch(), scratch_bytes, 1, "scratch", true);
        for (int i = 0; i < call.outs; i++) register_view(call.views[i], "outs[" + std::to_string(i) + "]", true);
        for (int i = 0; i < call.ins; i++) register_view(call.views[call.outs + i], "ins[" + std::to_string(i) + "]", false);
    }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
    ~Registered() { emulation::forget_arrays(); }
};

struct EmulatedArrays {
    static constexpr const char* kernel_capsule = "gpudl." GPUDL_TEXT(GPUDL_MODULE) ".kernel";
    static constexpr const char* call_capsule = "gpudl." GPUDL_TEXT(GPUDL_MODULE) ".call";
    static constexpr bool host = false;  // the GIL is kept: one grid at a time
    static bool read(PyObject* object, TensorView& view, int64_t* dims, bool output) { return read_numpy(object, view, dims, output); }
    static void run(const Call& call) {
        const Registered arrays(call);
        call.run(nullptr);
    }
};

void configure(const std::string& order, const std::string& copies, uint64_t seed, uint64_t only_last) {
    using namespace emulation;
    const auto pick = [](const std::string& text, const char* what, std::initializer_list<const char*> names) {
        int i = 0;
        for (const char* name : names) {
            if (text == name) return i;
            i++;
        }
        throw std::invalid_argument(std::string("[configure] ") + what + " is no schedule. Received: '" + text + "'");
    };
    schedule() = {Order(pick(order, "order", {"ascending", "descending", "random"})),
                  Arrival(pick(copies, "copies", {"late", "early", "random"})), seed, only_last};
}

py::dict counted() {
    const emulation::Counts& c = emulation::counts();
    py::dict result;
    result["switches"] = c.switches;
    result["threads"] = c.threads;
    result["blocks"] = c.blocks;
    result["collectives"] = c.collectives;
    result["accesses"] = c.accesses;
    return result;
}

}  // namespace

PYBIND11_MODULE(GPUDL_MODULE, m) {
    m.doc() = "CUDA kernels, emulated on the CPU, on NumPy arrays.";
    py::detail::npy_api::get();
    Functions<EmulatedArrays>::add_to(m);
    add_dispatch<EmulatedArrays>(m);
    set_scratch({fresh_scratch(), int64_t(scratch_bytes)});
    m.attr("checked") = emulation::is_checked();
    m.def(
        "configure", configure, py::kw_only(), py::arg("order") = "ascending", py::arg("copies") = "late", py::arg("seed") = 0,
        py::arg("only_last") = 0,
        "The order in which threads run (ascending, descending, random), when asynchronous copies land (late, early, random), and how many "
        "blocks at the end of each grid run, 0 for all: the ends of arrays too large to be gone through. Then scratch memory holds zeros.");
    m.def("counts", counted, "What has run since the module was loaded: thread switches, threads, blocks, collectives, checked accesses.");
}

}  // namespace gpudl
