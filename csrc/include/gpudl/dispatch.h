// Chooses one of several kernels that compute the same thing, and can say why: describe → candidates → choose → launch.
//
//   describe    a family makes a plain struct of sizes, dtypes, strides and alignment from its operands (its Problem)
//   candidates  a table, fastest first. Each has a name, a tier and an obstacle: a pure function of Problem and Device that returns null
//               if the candidate takes the problem, else the reason in a few words. The last one has no obstacle: the choice is total
//   choose      the first candidate of an allowed tier without an obstacle
//   launch      its launcher, which may only compute a grid and call `launch<kernel>`
//
//     const Candidate<Rows> candidates[] = {{"rows_in_registers", Tier::simt, too_long, launch_registers}, {"any", Tier::simple, nullptr, …}};
//     dispatch("softmax", candidates, describe(outs, ins, attrs), stream);
//
// A Trial makes the choice, and notes it and what would be launched, without a GPU: that is `explain` in Python.
#pragma once
#include <string>
#include <vector>

#include <gpudl/kernel.h>

namespace gpudl {

// What a kernel needs: `simple` takes any shape everywhere, `simt` wants sm_75, the others the tensor cores and copies of their name.
enum class Tier { simple, simt, sm80, sm90 };

constexpr const char* tier_names[] = {"simple", "simt", "sm80", "sm90"};

// Facts about a GPU that choices may depend on.
struct Device {
    int sm;                // 75, 80, 90 …
    int multiprocessors;   //
    int64_t shared_bytes;  // the most that one block may use
};

Device current_device();  // of the calling thread; the emulation answers with what it imitates

// The highest tier that this device and GPUDL_TIER allow.
Tier allowed_tier(const Device& device);
void force_tier(int tier);  // one of Tier, or -1: whatever the device has

// Passes over candidates of other names, the last of a family excepted, which takes what nobody else does: for tests. "" undoes it.
void force_candidate(const std::string& name);
bool passed_over(const char* candidate);

// The precision of float32 products, for the process: gpudl.config.set_matmul_precision. bf16x6 and bf16x9 are for measurements.
enum class Precision { float32, bf16x3, tf32, bf16x6, bf16x9 };
constexpr const char* precision_names[] = {"float32", "bf16x3", "tf32", "bf16x6", "bf16x9"};
Precision matmul_precision();
void set_matmul_precision(int precision);  // one of Precision

// Memory that a kernel may use between its launches: uninitialised, one per stream, so whoever is next on the stream may overwrite it.
struct Scratch {
    void* data;
    int64_t bytes;
};
Scratch scratch();
void set_scratch(Scratch memory);

// While one of these is set in a thread, its kernels choose but do not run.
struct Trial {
    Device device;
    int tier;                        // as in force_tier
    std::vector<std::string> lines;  // candidates with their obstacles, then launches
};
extern thread_local Trial* trial;
void note_launch(const char* kernel, const unsigned (&grid)[3], const unsigned (&block)[3],
                 size_t shared_bytes);  // by `launch`, in a trial

template <class Problem> struct Candidate {
    const char* name;
    Tier tier;
    const char* (*obstacle)(const Problem&, const Device&);  // null: takes everything
    void (*launch)(const Problem&, Stream);
};

template <class Problem, size_t count>
void dispatch(const char* family, const Candidate<Problem> (&candidates)[count], const Problem& problem, Stream stream) {
    const Device device = trial ? trial->device : current_device();
    const Tier allowed = allowed_tier(device);
    for (const Candidate<Problem>& candidate : candidates) {
        const char* obstacle = candidate.tier > allowed                                              ? "its tier is not allowed here"
                               : &candidate != &candidates[count - 1] && passed_over(candidate.name) ? "another one is forced"
                               : candidate.obstacle                                                  ? candidate.obstacle(problem, device)
                                                                                                     : nullptr;
        if (trial)
            trial->lines.push_back(std::string(family) + ": " + candidate.name + " (" + tier_names[int(candidate.tier)] + ")" +
                                   (obstacle ? std::string(" no: ") + obstacle : " chosen"));
        if (!obstacle) return candidate.launch(problem, stream);
    }
    throw KernelError(std::string(family) + ": no candidate takes these operands, though the last one should");
}

}  // namespace gpudl
