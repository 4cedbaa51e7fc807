"""Checks an installed gpudl in a few seconds. Usage: python -P .ci/smoke.py native|cuda|pure|failed, the install that is expected."""

import sys
import warnings

import numpy as np

expected = sys.argv[1]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import gpudl
    from gpudl import native

    gpudl.Tensor([1.0, -2.0])
    gpudl.Tensor([3.0])

status = native.status()
told = [str(w.message) for w in caught]
print(f"gpudl {gpudl.__version__} on NumPy {np.__version__}: build {status.build}\n{status.describe()}")

assert "site-packages" in gpudl.__file__, f"this is not the installed package: {gpudl.__file__}"
assert status.build == {"cuda": "native"}.get(expected, expected), status
assert status.cpu.loaded == (status.build == "native"), status.cpu
assert status.cuda.loaded == (expected == "cuda"), status.cuda
if status.build == "failed":
    assert told == [status.warning] and "could not be built" in told[0], told
    assert "failed" in gpudl.show.config_text()
else:
    assert not told, told
if status.cuda.module is not None:
    count, reason = status.cuda.module.devices()
    print(f"_cuda: {count} devices. {reason} Built for {status.cuda.module.build_info()['archs']}.")
    assert (count == 0) == bool(reason)
    assert "80-real" in status.cuda.module.build_info()["archs"] and "90a-real" in status.cuda.module.build_info()["archs"]

rng = np.random.default_rng(0)
x = rng.standard_normal((256, 4)).astype("float32")
y = (x @ np.array([1.0, -2.0, 3.0, 0.5], "float32") > 0).astype("int64")
gpudl.utils.set_random_seed(0)
layers = gpudl.layers
model = gpudl.Sequential(
    [layers.Dense(16, input_dim=4), layers.LeakyReLU(), layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")]
)
model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
loss = model.fit(x, y, batch_size=32, epochs=20, verbose=0).history["loss"]
print(f"loss {loss[0]:.4f} -> {loss[-1]:.4f}")
assert loss[-1] < 0.8 * loss[0]
