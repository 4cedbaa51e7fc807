// Lets Python ask which kernels a call would launch, and why: the choice is made, nothing runs.
#pragma once
#include <gpudl/dispatch.h>

#include "call.h"

namespace gpudl {

// Sets a trial for its scope.
class Trying {
public:
    explicit Trying(Trial& t) : before_(trial) { trial = &t; }
    ~Trying() { trial = before_; }
    Trying(const Trying&) = delete;
    Trying& operator=(const Trying&) = delete;

private:
    Trial* before_;
};

template <class Backend>
py::list explain(const std::string& name, py::object outs, py::object ins, py::object attrs, int sm, int multiprocessors, int tier) {
    const auto found = table().find(name);
    if (found == table().end()) throw py::key_error("[explain] there is no kernel " + name);
    Call call;
    Answer answer;
    if (!prepare<Backend>(found->second, outs.ptr(), ins.ptr(), attrs.ptr(), nullptr, call, answer)) throw py::error_already_set();
    py::list said;
    if (answer == Answer::missing) said.append("missing: the reference kernel runs");
    if (answer == Answer::needs_contiguous) said.append("needs dense inputs: copies are made first");
    if (answer != Answer::done) return said;
    Trial notes{{sm, multiprocessors, sm >= 90 ? 232448 : sm >= 80 ? 166912 : 65536}, tier, {}};
    const Trying scope(notes);
    call.run(nullptr);
    for (const std::string& line : notes.lines) said.append(line);
    return said;
}

template <class Backend> void add_dispatch(py::module_& m) {
    py::list names;
    for (const char* name : tier_names) names.append(name);
    m.attr("TIERS") = py::tuple(names);
    m.def("force_tier", force_tier, py::arg("tier"), py::pos_only(),
          "Let no kernel above TIERS[tier] be chosen; -1: whatever the device has.");
    m.def("force_candidate", force_candidate, py::arg("name"), py::pos_only(),
          "Let families choose the candidate of this name wherever it takes the operands, else their last one; '' undoes it. For tests.");
    py::list precisions;
    for (const char* name : precision_names) precisions.append(name);
    m.attr("PRECISIONS") = py::tuple(precisions);
    m.def("set_matmul_precision", set_matmul_precision, py::arg("precision"), py::pos_only(),
          "Let float32 products use PRECISIONS[precision]; 0: float32 itself.");
    m.def("explain", explain<Backend>, py::arg("name"), py::arg("outs"), py::arg("ins"), py::arg("attrs"), py::arg("sm") = 90,
          py::arg("multiprocessors") = 132, py::arg("tier") = -1,
          "The candidates looked at for these arrays, with what spoke against each, and the launches; nothing is launched. Needs no GPU.");
}

}  // namespace gpudl
