// Finds the kernel for given operands. Knows signatures, not Python, and no op by name.
#pragma once
#include <map>
#include <string>
#include <vector>

#include <gpudl/kernel.h>

namespace gpudl {

struct Operand {
    char dtype;  // '*' any, the same for all; '.' any
    bool strided;
};

// One signature of one kernel.
struct Entry {
    std::string name, signature;
    Kernel kernel;
    Predicate when;
    std::vector<Operand> outs, ins;
    int attrs;
    bool more_attrs;  // any number of them may follow

    bool takes_dtypes(const TensorView* out_views, const TensorView* in_views) const;
};

using Variants = std::vector<Entry>;

// Parses one registration into its entries. Throws std::invalid_argument on a signature that is not one.
Variants parse(const Registration& registration);

using Table = std::map<std::string, Variants>;  // by name

// The kernels of a list of registrations.
Table table_of(const Registration* first);

// Every registered kernel of this module; made at the first call.
const Table& table();

enum class Answer { done, missing, needs_contiguous, wrong_attributes };

struct Choice {
    Answer answer;
    const Entry* entry;  // set if done
};

Choice choose(const Variants& variants, const TensorView* outs, int n_outs, const TensorView* ins, int n_ins, const Scalar* attrs,
              int n_attrs);

}  // namespace gpudl
