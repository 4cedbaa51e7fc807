// What both modules need of Python: pybind11, errors, and the facts of the build.
#pragma once
#include <pybind11/pybind11.h>
#include <string>

#include "build_info.h"

namespace gpudl {

namespace py = pybind11;

// Puts "[name] " before the message of the exception that is set; its type stays.
inline void prefix_error(const std::string& name) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyErr_Format(type, "[%s] %S", name.c_str(), value);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

inline py::dict build_info() {
    py::dict info;
    info["version"] = GPUDL_VERSION;
    info["compiler"] = GPUDL_COMPILER;
    info["flags"] = GPUDL_FLAGS;
    info["archs"] = GPUDL_ARCHS;
    info["python"] = PY_VERSION;
    info["pybind11"] = std::to_string(PYBIND11_VERSION_MAJOR) + "." + std::to_string(PYBIND11_VERSION_MINOR);
    return info;
}

}  // namespace gpudl
