// Calls a kernel from Python: reads operands and attributes, asks the table, runs. No code per op.
//
// `Reader` knows one array library: static bool read(PyObject* array, TensorView&, int64_t* dims, bool output), false with an exception set.
#pragma once
#include <cstring>
#include <memory>
#include <string>

#include <gpudl/dtype.h>

#include "kernel_table.h"
#include "python.h"

namespace gpudl {

// The operands of one call. It owns the shapes that the views point to, and holds the arrays alive.
struct Call {
    const Entry* entry = nullptr;
    int outs = 0, ins = 0, attr_count = 0, held_count = 0;
    TensorView views[2 * max_operands];  // outputs, then inputs
    int64_t dims[2 * max_operands][2 * max_dims];
    Scalar few_attrs[max_attrs + 1];
    std::unique_ptr<Scalar[]> many_attrs;
    Scalar* attrs = few_attrs;  // attrs_end behind them
    PyObject* held[2 * max_operands];

    Call() {}  // the arrays stay unset: a call touches what it fills
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
        for (int i = 0; i < held_count; i++) Py_DECREF(held[i]);
    }

    void run(Stream stream) const { entry->kernel(views, views + outs, attrs, stream); }

    int64_t bytes() const {
        int64_t total = 0;
        for (int i = 0; i < outs + ins; i++) total += views[i].size() * itemsize(views[i].dtype);
        return total;
    }
};

inline bool read_attrs(PyObject* sequence, Call& call) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(sequence);
    if (n > max_attrs) {
        call.many_attrs.reset(new Scalar[size_t(n) + 1]);
        call.attrs = call.many_attrs.get();
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject* value = PySequence_Fast_GET_ITEM(sequence, i);
        if (PyLong_Check(value)) {
            const int64_t integer = PyLong_AsLongLong(value);
            const bool large = integer == -1 && PyErr_Occurred();
            if (large && !PyErr_ExceptionMatches(PyExc_OverflowError)) return false;
            if (large) PyErr_Clear();
            const uint64_t bits = large ? PyLong_AsUnsignedLongLong(value) : uint64_t(integer);  // a limit of uint64, say
            if (large && PyErr_Occurred()) return false;
            call.attrs[i] = {large ? double(bits) : double(integer), int64_t(bits)};
        } else {
            const double real = PyFloat_AsDouble(value);
            if (real == -1.0 && PyErr_Occurred()) return false;
            const bool fits = real >= -9.2e18 && real <= 9.2e18;  // beyond int64, and for NaN, the cast would be undefined
            call.attrs[i] = {real, fits ? int64_t(real) : 0};
        }
    }
    call.attrs[n] = attrs_end;
    call.attr_count = int(n);
    return true;
}

// `attribute` null: the items are arrays themselves.
template <class Reader> bool read_operands(PyObject* sequence, PyObject* attribute, bool output, Call& call) {
    const auto items = py::reinterpret_steal<py::object>(PySequence_Tuple(sequence));  // a list could change while `array` is read
    if (!items) return false;
    const Py_ssize_t n = PyTuple_GET_SIZE(items.ptr());
    if (n > max_operands) {
        PyErr_Format(PyExc_TypeError, "a kernel takes at most %d %s. Received: %zd", max_operands, output ? "outputs" : "inputs", n);
        return false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject* item = PyTuple_GET_ITEM(items.ptr(), i);
        PyObject* array = attribute ? PyObject_GetAttr(item, attribute) : Py_NewRef(item);
        if (!array) return false;
        const int at = call.held_count++;
        call.held[at] = array;
        if (!Reader::read(array, call.views[at], call.dims[at], output)) return false;
    }
    (output ? call.outs : call.ins) = int(n);
    return true;
}

inline bool is_sequence(PyObject* object) { return PyTuple_Check(object) || PyList_Check(object); }

// Reads (outs, ins, attrs) and chooses. False with an exception set, also for a wrong number of attributes: that is a mistake in the op.
template <class Reader>
bool prepare(const Variants& variants, PyObject* outs, PyObject* ins, PyObject* attrs, PyObject* attribute, Call& call, Answer& answer) {
    const std::string& name = variants.front().name;
    if (!is_sequence(outs) || !is_sequence(ins) || !is_sequence(attrs)) {
        PyErr_Format(PyExc_TypeError, "[%s] expected outs, ins and attrs, each a tuple or a list. Received: %s, %s, %s", name.c_str(),
                     Py_TYPE(outs)->tp_name, Py_TYPE(ins)->tp_name, Py_TYPE(attrs)->tp_name);
        return false;
    }
    if (!read_operands<Reader>(outs, attribute, true, call) || !read_operands<Reader>(ins, attribute, false, call) ||
        !read_attrs(attrs, call)) {
        prefix_error(name);
        return false;
    }
    const Choice choice = choose(variants, call.views, call.outs, call.views + call.outs, call.ins, call.attrs, call.attr_count);
    if (choice.answer == Answer::wrong_attributes) {
        PyErr_Format(PyExc_TypeError, "[%s] the signature \"%s\" has other attributes. Received: %d attributes", name.c_str(),
                     variants.front().signature.c_str(), call.attr_count);
        return false;
    }
    call.entry = choice.entry;
    answer = choice.answer;
    return true;
}

// Runs a prepared call. Work of this size or more is done without the GIL, whose release costs about 50 ns.
constexpr int64_t long_work_bytes = 1 << 17;

template <class Backend> bool run(const Call& call) {
    const bool may_release = Backend::host && call.bytes() >= long_work_bytes;
    std::string failure;
    const auto attempt = [&] {
        try {
            Backend::run(call);
        } catch (const std::exception& error) {
            failure = error.what();
            if (failure.empty()) failure = "unknown error";
        }
    };
    if (may_release) {
        PyThreadState* state = PyEval_SaveThread();
        attempt();
        PyEval_RestoreThread(state);
    } else {
        attempt();
    }
    if (failure.empty()) return true;
    PyErr_Format(PyExc_RuntimeError, "[%s] %s", call.entry->name.c_str(), failure.c_str());
    return false;
}

// The functions of a module of kernels. `Backend` is a Reader that also says: static void run(const Call&); static constexpr bool host;
// and how its capsules are called.
template <class Backend> class Functions {
    static constexpr const char* variants_name = Backend::kernel_capsule;
    static constexpr const char* call_name = Backend::call_capsule;

    static PyObject* launch(PyObject* self, PyObject* const* args, Py_ssize_t n) {  // kernel(outs, ins, attrs)
        const auto* variants = static_cast<const Variants*>(PyCapsule_GetPointer(self, variants_name));
        if (!variants) return nullptr;
        if (n != 3)
            return PyErr_Format(PyExc_TypeError, "[%s] expected (outs, ins, attrs). Received: %zd arguments",
                                variants->front().name.c_str(), n);
        Call call;
        Answer answer;
        if (!prepare<Backend>(*variants, args[0], args[1], args[2], array_name(), call, answer)) return nullptr;
        if (answer == Answer::missing) return PyLong_FromLong(1);
        if (answer == Answer::needs_contiguous) return PyLong_FromLong(2);
        if (!run<Backend>(call)) return nullptr;
        Py_RETURN_NONE;
    }

    static PyObject* run_bound(PyObject* self, PyObject*) {
        const auto* call = static_cast<const Call*>(PyCapsule_GetPointer(self, call_name));
        if (!call || !run<Backend>(*call)) return nullptr;
        Py_RETURN_NONE;
    }

    static PyObject* array_name() {
        static PyObject* name = PyUnicode_InternFromString("array");
        return name;
    }

public:
    static py::dict kernels(const Table& table) {
        static std::map<std::string, PyMethodDef> methods;  // each with its own name, which profilers show
        py::dict result;
        for (const auto& [name, variants] : table) {
            PyMethodDef& method = methods[name];
            method = {name.c_str(), reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(launch)), METH_FASTCALL,
                      "kernel(outs, ins, attrs): None if done, 1 if there is none for these operands, 2 if it needs dense inputs."};
            auto self = py::reinterpret_steal<py::object>(PyCapsule_New(const_cast<Variants*>(&variants), variants_name, nullptr));
            result[name.c_str()] = py::reinterpret_steal<py::object>(PyCFunction_New(&method, self.ptr()));
        }
        return result;
    }

    static py::dict signatures(const Table& table) {
        py::dict result;
        for (const auto& [name, variants] : table) {
            py::list all;
            for (const Entry& entry : variants) all.append(entry.signature);
            result[name.c_str()] = all;
        }
        return result;
    }

    static py::object bind(py::object kernel, py::object outs, py::object ins, py::object attrs) {
        static PyMethodDef method{"call", run_bound, METH_NOARGS, "Runs one kernel on the arrays it was bound to."};
        PyObject* self = PyCFunction_Check(kernel.ptr()) ? PyCFunction_GET_SELF(kernel.ptr()) : nullptr;
        if (!self || !PyCapsule_IsValid(self, variants_name))
            throw py::type_error("[bind] the first argument must be a kernel from kernels()");
        const auto& variants = *static_cast<const Variants*>(PyCapsule_GetPointer(self, variants_name));
        auto call = std::make_unique<Call>();
        Answer answer;
        if (!prepare<Backend>(variants, outs.ptr(), ins.ptr(), attrs.ptr(), nullptr, *call, answer)) throw py::error_already_set();
        if (answer != Answer::done) return py::none();
        const auto destroy = [](PyObject* capsule) { delete static_cast<Call*>(PyCapsule_GetPointer(capsule, call_name)); };
        auto capsule = py::reinterpret_steal<py::object>(PyCapsule_New(call.get(), call_name, destroy));
        if (!capsule) throw py::error_already_set();
        call.release();
        return py::reinterpret_steal<py::object>(PyCFunction_New(&method, capsule.ptr()));
    }

    // `current` gives the table that is in use.
    static void add_to(py::module_& m, const Table& (*current)() = table) {
        current();  // a wrong signature fails the import, naming it
        m.attr("MISSING") = 1;
        m.attr("NEEDS_CONTIGUOUS") = 2;
        m.def(
            "kernels", [current] { return kernels(current()); },
            "Every kernel by name: kernel(outs, ins, attrs), whose operands have an attribute `array`.");
        m.def("signatures", [current] { return signatures(current()); }, "The signatures of every kernel, as registered.");
        m.def("bind", bind, py::arg("kernel"), py::arg("outs"), py::arg("ins"), py::arg("attrs"), py::pos_only(),
              "A call without arguments that runs `kernel` on these arrays, which it keeps alive; None if the table has no kernel for them "
              "as they lie.");
        m.def("build_info", build_info, "How this module was built.");
    }
};

}  // namespace gpudl
