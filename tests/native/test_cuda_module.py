"""The CUDA module: that it loads anywhere, says how many GPUs there are and why none, and refuses a launch in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gpudl import native

cuda: Any = native.cuda().module
pytestmark = pytest.mark.skipif(cuda is None, reason=f"no _cuda: {native.cuda().reason}")


def like_cupy(shape: tuple[int, ...], dtype: str = "f", pointer: int = 1 << 20, strides: tuple[int, ...] | None = None) -> SimpleNamespace:
    """An operand with the attributes of a cupy.ndarray that the module reads. No kernel may get as far as its memory."""
    model = np.empty(shape, dtype)
    array = SimpleNamespace(data=SimpleNamespace(ptr=pointer), shape=shape, strides=strides or model.strides, dtype=model.dtype)
    return SimpleNamespace(array=array)


def test_devices_or_a_reason() -> None:
    count, reason = cuda.devices()
    assert (count > 0) == (reason == "")


def results(signatures: list[str]) -> set[str]:
    """The dtypes of what a kernel writes first: letters, or "any"."""
    found = {signature.replace("~", "").split()[0] for signature in signatures}
    return {"any"} if found & {"*", "."} else found


def test_no_less_than_the_cpu() -> None:
    """What has a kernel on the CPU has one here, and writes the same dtypes, however each splits them into signatures."""
    if native.cpu().module is None:
        pytest.skip(native.cpu().reason)
    here = cuda.signatures()
    for name, signatures in native.cpu().module.signatures().items():
        assert name in here, name
        missing = set() if results(here[name]) == {"any"} else results(signatures) - results(here[name])
        assert not missing, (name, missing)


def test_answers_without_a_launch() -> None:
    relu = cuda.kernels()["relu"]
    x = like_cupy((4,))
    assert relu([x], [like_cupy((4,), "i")], ()) == cuda.MISSING
    assert relu([x], [like_cupy((3,))], ()) == cuda.MISSING
    assert relu([x], [like_cupy((4,), pointer=(1 << 20) + 2)], ()) == cuda.MISSING
    one_hot, y = cuda.kernels()["one_hot"], like_cupy((4, 3))
    assert one_hot([y], [like_cupy((4,), "i", strides=(8,))], (3, 0)) == cuda.NEEDS_CONTIGUOUS
    assert one_hot([y], [like_cupy((4,), "i", pointer=(1 << 20) + 2)], (3, 0)) == cuda.NEEDS_CONTIGUOUS
    assert relu([like_cupy((0, 3))], [like_cupy((0, 3))], ()) is None, "nothing to do, so nothing is launched"
    with pytest.raises(TypeError, match=r"^\[relu\] expected a cupy.ndarray"):
        relu([x], [SimpleNamespace(array=SimpleNamespace(data=SimpleNamespace(ptr=0), shape=[4], strides=[4], dtype="f"))], ())


@pytest.mark.parametrize(
    "array", [np.ones(4, "f4"), 3, None, SimpleNamespace(data=SimpleNamespace(ptr=1 << 20))], ids=lambda a: type(a).__name__
)
def test_what_lies_on_the_host_or_is_no_array_is_an_error_in_words(array: Any) -> None:
    x = like_cupy((4,))
    for outs, ins in [([x], [SimpleNamespace(array=array)]), ([SimpleNamespace(array=array)], [x])]:
        with pytest.raises(TypeError, match=r"^\[relu\] expected a cupy\.ndarray, an array on the GPU. Received: "):
            cuda.kernels()["relu"](outs, ins, ())
    with pytest.raises(AttributeError, match=r"^\[relu\]"):
        cuda.kernels()["relu"]([x], [3], ())


def test_strides_that_a_kernel_cannot_take() -> None:
    """Backwards in memory: elementwise kernels take it, others ask for a copy; an output with gaps is declined."""
    softmax, x = cuda.kernels()["softmax"], like_cupy((4, 3))
    back = like_cupy((4, 3), strides=(-12, -4), pointer=(1 << 20) + 44)
    stats = like_cupy((2, 4, 1))
    assert softmax([x, stats], [back], (1,)) == cuda.NEEDS_CONTIGUOUS
    assert softmax([back, stats], [x], (1,)) == cuda.MISSING
    assert softmax([x, stats], [like_cupy((4, 3), "i")], (1,)) == cuda.MISSING


@pytest.mark.skipif(cuda is not None and cuda.devices()[0] > 0, reason="a launch on made-up memory would fault on a real GPU")
def test_a_refused_launch_names_kernel_error_and_reason() -> None:
    cuda.set_stream(0)
    x = like_cupy((1000,))
    for name, ins, attrs in [("relu", [x], ()), ("leaky_relu_grad", [x, x], (0.1,))]:
        with pytest.raises(RuntimeError, match=rf"^\[{name}\] cudaError\w+: .+"):
            cuda.kernels()[name]([x], ins, attrs)
    run = cuda.bind(cuda.kernels()["relu"], (x.array,), (x.array,), ())
    with pytest.raises(RuntimeError, match=r"^\[relu\] cudaError"):
        run()
