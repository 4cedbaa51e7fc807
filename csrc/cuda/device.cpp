// Answers what dispatch.h asks: which device this is, which tier it allows, where scratch memory lies, whether this is only a trial.
#include <gpudl/dispatch.h>

#include <algorithm>
#include <atomic>

#ifndef GPUDL_EMULATE
#include <gpudl/check.h>
#endif

namespace gpudl {
namespace {

std::atomic<int> forced{-1};
std::string& forced_name() {
    static std::string name;
    return name;
}
std::atomic<bool> name_forced{false};  // so that ordinary choices read no string
std::atomic<Precision> precision{Precision::float32};

// A thread that was never given scratch memory uses what was given last anywhere, as with streams.
std::atomic<const Scratch*> latest_scratch{nullptr};
thread_local const Scratch* own_scratch = nullptr;

#ifndef GPUDL_EMULATE
int attribute(cudaDeviceAttr which, int device) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, which, device));
    return value;
}

Device ask(int device) {
    const int sm = 10 * attribute(cudaDevAttrComputeCapabilityMajor, device) + attribute(cudaDevAttrComputeCapabilityMinor, device);
    return {sm, attribute(cudaDevAttrMultiProcessorCount, device), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device)};
}
#endif

}  // namespace

thread_local Trial* trial = nullptr;

#ifdef GPUDL_EMULATE
// Few multiprocessors: a grid that is sized by them is small, and its blocks take several turns.
Device current_device() { return {90, 4, 232448}; }
#else
Device current_device() {
    constexpr int most = 64;
    static std::atomic<const Device*> known[most];
    int index = 0;
    check(cudaGetDevice(&index));
    if (index >= most) return ask(index);
    const Device* device = known[index].load();
    if (!device) known[index] = device = new Device(ask(index));  // for the life of the process; two threads may both ask
    return *device;
}
#endif

void force_tier(int tier) { forced = tier; }

void force_candidate(const std::string& name) {
    forced_name() = name;
    name_forced = !name.empty();
}
bool passed_over(const char* candidate) { return name_forced.load() && forced_name() != candidate; }

Precision matmul_precision() { return precision.load(); }
void set_matmul_precision(int wanted) { precision = Precision(wanted); }

Tier allowed_tier(const Device& device) {
    const int has = int(device.sm >= 90 ? Tier::sm90 : device.sm >= 80 ? Tier::sm80 : device.sm >= 75 ? Tier::simt : Tier::simple);
    const int wanted = trial ? trial->tier : forced.load();
    return Tier(wanted < 0 ? has : std::min(has, wanted));
}

void set_scratch(Scratch memory) { latest_scratch = own_scratch = new Scratch(memory); }  // once per stream, for the life of the process

Scratch scratch() {
    if (trial) return {nullptr, int64_t(8) << 20};
    const Scratch* memory = own_scratch ? own_scratch : latest_scratch.load();
    if (!memory) throw KernelError("no scratch memory was given: set_stream of this module was never called");
    return *memory;
}

void note_launch(const char* kernel, const unsigned (&grid)[3], const unsigned (&block)[3], size_t shared_bytes) {
    std::string name = kernel;  // "… [with auto kernel = gpudl::softmax_kernel<float>]" or "… [kernel = …]"
    const size_t from = name.find("kernel = ");
    if (from != std::string::npos) {
        name = name.substr(from + 9);
        name = name.substr(0, name.find_last_of(']'));
    }
    std::string line = "launch " + name;
    for (const auto* sizes : {&grid, &block}) {
        line += sizes == &grid ? " <<<" : ", ";
        for (int i = 0; i < 3; i++) {
            if (i == 0 || (*sizes)[1] > 1 || (*sizes)[2] > 1) line += (i ? "x" : "") + std::to_string((*sizes)[i]);
        }
    }
    trial->lines.push_back(line + ", " + std::to_string(shared_bytes) + ">>>");
}

}  // namespace gpudl
