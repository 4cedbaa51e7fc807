// The module gpudl._cpu: C++ kernels on NumPy arrays, those of the best instruction set that this processor has.
#include <cstdlib>
#include <pybind11/stl.h>

#include "../cpu/threads.h"
#include "call.h"
#include "numpy_arrays.h"

// The list of registrations of an instruction set; in its objects the namespace has another name (csrc/cpu/kernels.cmake).
extern "C" {
const void* gpudl_cpu_kernels_baseline();
const void* gpudl_cpu_kernels_avx2();
const void* gpudl_cpu_kernels_avx512();
}

namespace gpudl {
namespace {

struct NumpyArrays {
    static constexpr const char* kernel_capsule = "gpudl._cpu.kernel";
    static constexpr const char* call_capsule = "gpudl._cpu.call";
    static constexpr bool host = true;
    static void run(const Call& call) { call.run(nullptr); }
    static bool read(PyObject* object, TensorView& view, int64_t* dims, bool output) { return read_numpy(object, view, dims, output); }
};

struct InstructionSet {
    const char* name;
    const void* (*registrations)();
    bool (*supported)();
};

constexpr InstructionSet instruction_sets[] = {
    // the best comes last
    {"baseline", gpudl_cpu_kernels_baseline, [] { return true; }},
#ifdef GPUDL_CPU_AVX2
    {"avx2", gpudl_cpu_kernels_avx2,
     [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"); }},
#endif
#ifdef GPUDL_CPU_AVX512
    {"avx512", gpudl_cpu_kernels_avx512,
     [] {
         return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
     }},
#endif
};

std::vector<std::string> supported() {
    std::vector<std::string> names;
    for (const InstructionSet& set : instruction_sets) {
        if (set.supported()) names.push_back(set.name);
    }
    return names;
}

std::string& chosen() {
    static std::string name = [] {
        const char* wanted = std::getenv("GPUDL_CPU_ISA");
        const auto names = supported();
        for (const std::string& one : names) {
            if (wanted && one == wanted) return one;
        }
        return names.back();
    }();
    return name;
}

const Table& current() {
    static std::map<std::string, Table> tables;
    Table& found = tables[chosen()];
    if (!found.empty()) return found;
    for (const InstructionSet& set : instruction_sets) {
        // the same members in the same places under another name
        if (set.name == chosen()) found = table_of(static_cast<const Registration*>(set.registrations()));
    }
    return found;
}

void use_isa(const std::string& name) {
    for (const std::string& one : supported()) {
        if (one == name) {
            chosen() = name;
            return;
        }
    }
    throw py::value_error("[use_isa] this processor or this build has no kernels for '" + name + "'");
}

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.doc() = "C++ kernels on NumPy arrays.";
    py::detail::npy_api::get();  // NumPy's table is found now, or the import fails with NumPy's own words
    Functions<NumpyArrays>::add_to(m, current);
    m.def("isa", [] { return chosen(); }, "The instruction set whose kernels `kernels` gives: GPUDL_CPU_ISA, else the best.");
    m.def("isas", supported, "The instruction sets that this build and this processor have, the best last.");
    m.def("use_isa", use_isa, py::arg("name"), py::pos_only(), "Choose the instruction set; kernels given out before stay as they are.");
    m.def("threads", gpudl_cpu_threads, "How many threads a large kernel uses.");
    m.def("set_threads", gpudl_cpu_set_threads, py::arg("count"), py::pos_only(),
          "Use so many threads; 0: what GPUDL_THREADS says, else one for each processor that this process may use.");
}

}  // namespace gpudl
