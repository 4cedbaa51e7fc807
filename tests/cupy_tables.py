"""Name what CuPy 14.2 has, as far as reference kernels use it or may: the functions and methods of tests/cupy_standin.py, and no others.

tests/test_cupy_names.py compares these tables with CuPy itself, where it is installed.
"""

from __future__ import annotations

UFUNCS = set(
    "abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_or bitwise_xor ceil copysign cos cosh "
    "divide equal exp exp2 expm1 floor floor_divide fmod greater greater_equal hypot invert isfinite isinf isnan left_shift less "
    "less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply negative "
    "not_equal positive power reciprocal remainder right_shift rint sign signbit sin sinh sqrt square subtract tan tanh true_divide "
    "trunc".split()
)
FUNCTIONS = {  # the names of CuPy's parameters, in CuPy's order
    name: tuple(parameters.split())
    for name, parameters in {
        "arange": "start stop step dtype",
        "argmax": "a axis dtype out keepdims",
        "argmin": "a axis dtype out keepdims",
        "argsort": "a axis kind",
        "array": "obj dtype copy order subok ndmin blocking",
        "asarray": "a dtype order copy blocking",
        "ascontiguousarray": "a dtype",
        "asnumpy": "a stream order out blocking",
        "broadcast_to": "array shape",
        "clip": "a a_min a_max out",
        "concatenate": "tup axis out dtype casting",
        "copyto": "dst src casting where",
        "count_nonzero": "a axis",
        "cumprod": "a axis dtype out",
        "cumsum": "a axis dtype out",
        "empty": "shape dtype order",
        "empty_like": "prototype dtype order subok shape",
        "eye": "N M k dtype order",
        "full": "shape fill_value dtype order",
        "linspace": "start stop num endpoint retstep dtype axis",
        "matmul": "x1 x2 out",
        "max": "a axis out keepdims",
        "min": "a axis out keepdims",
        "ones": "shape dtype order",
        "ones_like": "a dtype order subok shape",
        "searchsorted": "a v side sorter",
        "sum": "a axis dtype out keepdims",
        "take": "a indices axis out",
        "take_along_axis": "a indices axis",
        "tri": "N M k dtype",
        "tril": "m k",
        "triu": "m k",
        "where": "condition x y",
        "zeros": "shape dtype order",
        "zeros_like": "a dtype order subok shape",
    }.items()
}
METHODS = {
    name: tuple(parameters.split())
    for name, parameters in {
        "all": "axis out keepdims",
        "any": "axis out keepdims",
        "argmax": "axis out dtype keepdims",
        "argmin": "axis out dtype keepdims",
        "argsort": "axis kind",
        "astype": "dtype order casting subok copy",
        "clip": "min max out",
        "copy": "order",
        "dot": "b out",
        "diagonal": "offset axis1 axis2",
        "cumprod": "axis dtype out",
        "cumsum": "axis dtype out",
        "fill": "value",
        "max": "axis out keepdims",
        "mean": "axis dtype out keepdims",
        "min": "axis out keepdims",
        "prod": "axis dtype out keepdims",
        "ravel": "order",
        "repeat": "repeats axis",
        "reshape": "*shape order copy",
        "squeeze": "axis",
        "std": "axis dtype out ddof keepdims",
        "sum": "axis dtype out keepdims",
        "swapaxes": "axis1 axis2",
        "take": "indices axis out",
        "transpose": "*axes",
        "var": "axis dtype out ddof keepdims",
        "view": "dtype type",
    }.items()
}
ATTRIBUTES = ("T", "data", "dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides")
TYPES = "bool_ float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 newaxis inf nan pi".split()

OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift",
}  # fmt: skip
COMPARISONS = {"lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "gt": "greater", "ge": "greater_equal"}
SIGNS = {"neg": "negative", "invert": "invert", "abs": "absolute"}
