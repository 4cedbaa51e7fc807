"""Old spellings do what their new ones do, and hang on `gpudl.compat` alone."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpudl
from gpudl import initializers, layers, losses, metrics, optimizers, regularizers, renames, utils
from gpudl.compat import calls, modules, table

HOUSE = Path(gpudl.__file__).parent.parent


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    """A new interpreter runs code on this gpudl."""
    program = f"import sys; sys.path.insert(0, {str(HOUSE)!r})\n{code}"
    return subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120)


WITHOUT = "import types; sys.modules['gpudl.compat'] = types.ModuleType('gpudl.compat')\n"


def same_config(old: layers.Layer, new: layers.Layer) -> None:
    a, b = old.get_config(), new.get_config()
    assert {**a, "name": ""} == {**b, "name": ""}
    assert type(old) is type(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            lambda: layers.Dense(output_dim=4, init="he_normal", bias=False),
            lambda: layers.Dense(4, kernel_initializer="he_normal", use_bias=False),
        ),
        (
            lambda: layers.Dense(4, W_regularizer=regularizers.L2(0.1), b_regularizer="l1"),
            lambda: layers.Dense(4, kernel_regularizer=regularizers.L2(0.1), bias_regularizer="l1"),
        ),
        (lambda: layers.Dropout(p=0.2), lambda: layers.Dropout(0.2)),
        (lambda: layers.LeakyReLU(alpha=0.01), lambda: layers.LeakyReLU(negative_slope=0.01)),
        (lambda: layers.BatchNormalization(mode=0, gamma_init="ones"), lambda: layers.BatchNormalization(gamma_initializer="ones")),
        (
            lambda: layers.Convolution2D(8, 3, 5, border_mode="same", subsample=(2, 2), dim_ordering="th"),
            lambda: layers.Conv2D(8, (3, 5), padding="same", strides=(2, 2), data_format="channels_first"),
        ),
        (
            lambda: layers.Convolution2D(8, 3, 3, "he_normal", "relu"),
            lambda: layers.Conv2D(8, 3, kernel_initializer="he_normal", activation="relu"),
        ),
        (lambda: layers.Convolution2D(nb_filter=8, nb_row=3, nb_col=1), lambda: layers.Conv2D(8, (3, 1))),
        (lambda: layers.Convolution2D(8, (3, 3), activation="relu"), lambda: layers.Conv2D(8, 3, activation="relu")),
        (lambda: layers.Conv2D(8, 3, 2), lambda: layers.Conv2D(8, 3, strides=2)),
        (
            lambda: layers.LSTM(output_dim=4, inner_activation="hard_sigmoid", consume_less="gpu", forget_bias_init="zero", dropout_W=0.1),
            lambda: layers.LSTM(4, recurrent_activation="hard_sigmoid", unit_forget_bias=False, dropout=0.1),
        ),
        (lambda: layers.GRU(4, implementation=2, input_dim=3, input_length=5), lambda: layers.GRU(4, input_shape=(5, 3))),
        (lambda: layers.Embedding(9, 4, init="ones", input_length=5), lambda: layers.Embedding(9, 4, "ones", input_shape=(5,))),
        (
            lambda: layers.Convolution1D(nb_filter=8, filter_length=3, subsample_length=2, input_dim=4, input_length=9),
            lambda: layers.Conv1D(8, 3, strides=2, input_shape=(9, 4)),
        ),
        (lambda: layers.MaxPooling2D(border_mode="same", dim_ordering="tf"), lambda: layers.MaxPooling2D(padding="same")),
    ],
)  # fmt: skip
def test_layers(old: Any, new: Any) -> None:
    same_config(old(), new())


def test_both_spellings_at_once_are_refused() -> None:
    with pytest.raises(TypeError, match="'p' is the old spelling of 'rate'"):
        layers.Dropout(p=0.2, rate=0.3)


def test_unknown_keywords_still_name_the_nearest() -> None:
    with pytest.raises(TypeError, match="kernel_initializer"):
        layers.Dense(3, kernel_initialiser="zeros")


def test_other_modes_of_batch_normalization_are_refused() -> None:
    with pytest.raises(ValueError, match="mode=0"):
        layers.BatchNormalization(mode=1)


def test_conv2d_with_three_numbers_keeps_strides_and_says_so_once() -> None:
    calls._hint_at_strides.cache_clear()
    with pytest.warns(UserWarning, match=r"strides=3.*write Conv2D\(\.\.\., \(3, 3\)\)"):
        assert layers.Conv2D(32, 3, 3).strides == (3, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layers.Conv2D(32, 3, 3)


def test_weights_are_the_first_values() -> None:
    kernel, bias = np.arange(6.0).reshape(2, 3), np.ones(3)
    model = gpudl.Sequential([layers.Dense(3, weights=[kernel, bias], input_dim=2)])
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(model.get_weights()[1], bias)


def test_wrong_weights_leave_the_model_as_it_was() -> None:
    model = gpudl.Sequential([layers.Input((2,))])
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        model.add(layers.Dense(3, weights=[np.ones((2, 4)), np.ones(3)]))
    assert model.layers == []
    with pytest.raises(TypeError, match="list of arrays"):
        layers.Dense(3, weights=3)


def test_attributes_that_layers_once_had() -> None:
    model = gpudl.Sequential([layers.Dense(3, input_dim=4), layers.Dropout(0.25)])
    dense, dropout = model.layers
    assert dense.output_dim == 3 and dropout.p == 0.25
    assert dense.input_shape == (None, 4) and dropout.output_shape == dropout.output.shape == (None, 3)
    assert dense.input.get_shape() == (None, 4)
    with pytest.raises(AttributeError, match="has not been built"):
        _ = layers.Dense(3).output_shape


def test_a_layer_of_ones_own_may_have_these_words() -> None:
    class Own(layers.Layer):
        def __init__(self, weights: int, p: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.given = weights, p

    assert Own(weights=3, p=0.5).given == (3, 0.5)


def test_optimizers() -> None:
    optimizer = optimizers.SGD(lr=0.25, momentum=0.5, decay=0.0)
    assert optimizer.get_config() == optimizers.SGD(0.25, 0.5).get_config()
    optimizer.lr = 0.5
    assert float(optimizer.learning_rate) == float(optimizer.lr) == 0.5
    assert optimizers.Adam(epsilon=None).epsilon == 1e-7
    with pytest.raises(TypeError, match="old spelling"):
        optimizers.SGD(lr=0.1, learning_rate=0.1)


def test_decay_lowers_the_rate() -> None:
    w = gpudl.Variable([0.0])
    optimizer, steps = optimizers.SGD(lr=1.0, decay=0.5), []
    for _ in range(3):
        before = w.numpy()
        optimizer.apply([gpudl.ones(1)], [w])
        steps.append(float((before - w.numpy())[0]))
    np.testing.assert_allclose(steps, [1.0, 1 / 1.5, 1 / 2], rtol=1e-6)

    assert optimizers.get("adam").get_config() == optimizers.Adam(decay=0).get_config()
    with pytest.raises(TypeError, match="by name"):
        optimizers.SGD(0.1, 0.9, decay=0.5)


def test_checkpoints_every_few_epochs(tmp_path: Path) -> None:
    keep = gpudl.callbacks.ModelCheckpoint(str(tmp_path / "w-{epoch:02d}-{val_acc:.2f}.safetensors"), period=2)
    compiled("accuracy").fit(X, Y, epochs=5, validation_data=(X, Y), callbacks=[keep], verbose=0)
    assert [file.name[:5] for file in sorted(tmp_path.iterdir())] == ["w-02-", "w-04-"]
    with pytest.raises(ValueError, match="period=0"):
        gpudl.callbacks.ModelCheckpoint("a.safetensors", period=0)


def test_reduce_on_plateau_takes_epsilon_for_min_delta() -> None:
    assert gpudl.callbacks.ReduceLROnPlateau(epsilon=1e-3).min_delta == 1e-3


def test_to_categorical() -> None:
    expected = np.eye(3, dtype="float32")[[0, 2]]
    for made in (utils.to_categorical(y=[0, 2], nb_classes=3), utils.to_categorical([0, 2], 3, "float32")):
        np.testing.assert_array_equal(made, expected)
        assert made.dtype == np.float32
    assert utils.to_categorical(y=[0, 2], dtype="int32").dtype == np.int32
    with pytest.raises(TypeError, match="Did you mean 'num_classes'"):
        utils.to_categorical([0], num_clases=3)


def compiled(metric: Any = "acc") -> gpudl.Sequential:
    model = gpudl.Sequential([layers.Dense(3, activation="softmax", input_dim=2)])
    model.compile("sgd", "categorical_crossentropy", [metric])  # metrics in third place, as in Keras 2
    return model


X, Y = np.random.default_rng(0).normal(size=(8, 2)), np.eye(3)[np.arange(8) % 3]


@pytest.mark.parametrize("metric", ["acc", "accuracy"])
def test_fit_and_history(metric: str) -> None:
    found = compiled(metric).fit(X, Y, nb_epoch=2, validation_data=(X, Y), verbose=0).history
    assert len(found["loss"]) == 2
    assert found["acc"] == found["accuracy"] and found["val_acc"] == found["val_accuracy"]
    assert found.get("acc") is found.get("accuracy") and found.get("lr") is None
    with pytest.raises(KeyError, match="Did you mean 'val_loss'"):
        found["var_loss"]
    with pytest.raises(TypeError, match=r"\[fit\].*'epochs'"):
        compiled().fit(X, Y, epohs=2)


def test_old_methods_of_models() -> None:
    model = compiled()
    probable = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict_proba(X), probable)
    np.testing.assert_array_equal(model.predict_classes(X), probable.argmax(-1))
    history = model.fit_generator(iter([(X, Y), (X, Y)]), steps_per_epoch=1, epochs=2, verbose=0, workers=2)
    assert len(history.history["loss"]) == 2
    assert len(model.evaluate_generator(iter([(X, Y)]), steps=1, verbose=0)) == 2
    assert model.predict_generator(iter([X]), steps=1, verbose=0).shape == (8, 3)


@pytest.mark.parametrize("path", sorted(table.MODULES))
def test_old_modules(path: str) -> None:
    module = importlib.import_module(path)
    if path.startswith("gpudl.layers."):
        assert module.Dense is layers.Dense
    with pytest.raises(AttributeError, match=r"has no attribute 'Adadeota'"):
        _ = module.Adadeota
    assert all(hasattr(module, name) for name in getattr(module, "__all__", ()))


def test_import_lines_of_old_scripts() -> None:
    scope: dict[str, Any] = {}
    lines = """
from gpudl.layers.core import Dense, Dropout, Activation, Flatten
from gpudl.layers.convolutional import Convolution2D, MaxPooling2D
from gpudl.layers.normalization import BatchNormalization
from gpudl.layers.advanced_activations import LeakyReLU
from gpudl.layers.pooling import *
from gpudl.utils import np_utils
from gpudl.utils.np_utils import to_categorical
from gpudl.objectives import categorical_crossentropy
from gpudl import backend as K
import gpudl.layers.normalization as bn
"""
    exec(lines, scope)
    assert scope["LeakyReLU"] is layers.LeakyReLU and scope["np_utils"].to_categorical is utils.to_categorical
    assert scope["K"].image_data_format() == "channels_last" and scope["K"].sum is gpudl.ops.sum
    rate = gpudl.Variable(0.5)
    scope["K"].set_value(rate, 0.25)
    assert scope["K"].get_value(rate) == 0.25
    with pytest.raises(AttributeError, match="Did you mean 'BatchNormalization'"):
        _ = scope["bn"].BatchNormalisation


def test_names_in_tables() -> None:
    assert isinstance(initializers.he_normal(), initializers.HeNormal)
    assert initializers.get("normal").get_config() == initializers.RandomNormal().get_config()
    for module, names in table.NAMES.items():
        here = importlib.import_module(module)
        for old, new in names.items():
            if new in dir(here):
                assert getattr(here, old) is not None
    for kind, module_ in (("loss", losses), ("metric", metrics)):
        for (owner, old), new in table.RENAMES.items():
            if owner == kind and new in module_._table.makers:
                assert module_.get(old) is not None


def test_renames_lead_to_arguments_that_exist() -> None:
    for (owner, old), new in table.RENAMES.items():
        cls = getattr(layers, owner, None) if owner in dir(layers) else None
        if cls is not None and new not in ("kernel_constraint", "bias_constraint", "embeddings_constraint", "data_format"):
            assert new in renames._accepted(cls), f"{owner}({old}=) is said to be {new}"


# nothing but compat ------------------------------------------------------------------------------------------------------------

NEW = """
import numpy as np, gpudl
from gpudl.layers import Conv2D, Dense, Dropout, LeakyReLU, Flatten
m = gpudl.Sequential([Dense(4, input_dim=3, kernel_initializer="uniform"), LeakyReLU(negative_slope=0.1), Dropout(0.1), Dense(2)])
m.compile(gpudl.optimizers.SGD(learning_rate=0.1), "mse", metrics=["accuracy"])
h = m.fit(np.ones((4, 3)), np.ones((4, 2)), epochs=2, verbose=0)
assert len(h.history["accuracy"]) == 2
assert gpudl.utils.to_categorical([0, 1], num_classes=3).shape == (2, 3)
assert m.predict(np.ones((4, 3)), verbose=0).shape == (4, 2)
"""
OLD = """
import importlib
def fails(f):
    try:
        f()
    except (TypeError, ValueError, AttributeError, ImportError, KeyError) as error:
        assert not isinstance(error, AssertionError)
        return
    raise SystemExit(f"works: {f.__code__.co_firstlineno} {f.__code__.co_consts}")
fails(lambda: gpudl.optimizers.SGD(lr=0.1))
fails(lambda: gpudl.optimizers.SGD(0.1).lr)
fails(lambda: Dropout(p=0.1))
fails(lambda: LeakyReLU(alpha=0.1))
fails(lambda: Dense(output_dim=3))
fails(lambda: Dense(3, weights=[]))
fails(lambda: gpudl.layers.Convolution2D)
fails(lambda: gpudl.initializers.he_normal)
fails(lambda: gpudl.layers.normalization.Dense)
fails(lambda: m.fit(np.ones((4, 3)), np.ones((4, 2)), nb_epoch=2))
fails(lambda: m.predict_classes(np.ones((4, 3))))
fails(lambda: h.history["acc"])
fails(lambda: gpudl.utils.to_categorical(y=[0]))
fails(lambda: importlib.import_module("gpudl.layers.convolutional"))
fails(lambda: importlib.import_module("gpudl.utils.np_utils"))
fails(lambda: gpudl.utils.np_utils)
fails(lambda: gpudl.backend)
fails(lambda: m.layers[0].output_dim)
fails(lambda: m.layers[0].output_shape)
fails(lambda: m.compile("sgd", "mse", class_mode="categorical"))
fails(lambda: exec("from gpudl.layers import Convolution2D"))
fails(lambda: gpudl.regularizers.l1l2)
fails(lambda: gpudl.optimizers.Nadam(schedule_decay=0.004))
"""


def test_without_compat_the_new_spellings_work_and_the_old_ones_are_gone() -> None:
    done = fresh(WITHOUT + NEW + OLD)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_may_be_deleted(tmp_path: Path) -> None:
    shutil.copytree(HOUSE / "gpudl", tmp_path / "gpudl", ignore=shutil.ignore_patterns("compat", "__pycache__"))
    # an installation in place finds gpudl by a finder of its own, before any path
    alone = "sys.meta_path[:] = [f for f in sys.meta_path if 'gpudl' not in type(f).__module__]"
    here = f"import sys; {alone}; sys.path.insert(0, {str(tmp_path)!r})"
    program = f"{here}\n{NEW}{OLD}assert gpudl.__file__.startswith({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_with_compat_both_work() -> None:
    assert fresh(NEW).returncode == 0
    done = fresh(NEW + OLD)
    assert done.returncode != 0 and "works:" in done.stderr, "the test above would notice an old spelling that works"


def test_the_tables_of_renames_are_filled_by_compat_alone() -> None:
    done = fresh(WITHOUT + "import gpudl; from gpudl.renames import *; assert not RENAMES | AROUND | ATTRIBUTES | IN_MODULES | VALUES")
    assert done.returncode == 0, done.stderr
    assert all(renames.RENAMES[key] == value for key, value in table.RENAMES.items())


def test_import_stays_light() -> None:
    done = fresh("import gpudl; print(' '.join(sys.modules))")
    loaded = set(done.stdout.split())
    assert "gpudl.compat" in loaded
    assert not loaded & (
        {"gpudl.compat.run", "gpudl.compat.migrate", "gpudl.compat.backend", "argparse"} | set(table.MODULES) - set(sys_files())
    )


def sys_files() -> list[str]:
    """Old paths that are files of gpudl."""
    names = [(path, HOUSE.joinpath(*path.split("."))) for path in table.MODULES]
    return [path for path, file in names if file.with_suffix(".py").exists() or file.is_dir()]


def test_the_finder_answers_for_its_paths_alone() -> None:
    assert modules.OldModules.find_spec("keras.layers.core") is None
    assert modules.OldModules.find_spec("gpudl.layers.nothing") is None
    for name in ("keras", "tensorflow", "gpudl.keras"):
        assert modules.OldModules.find_spec(name) is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("gpudl.layers.convolutionals")
