"""Every way a replayed step could part from the eager one, silent ones first: each is equal, or refused with the user's line, or pinned.

Here stands what the tests of this folder train. The pitfalls that the engine's skeleton met, by number, and where each is tested:

     1 freeing a temporary one call early       test_plan::test_planted_mistakes_are_noticed, and poisoned replay everywhere
     2 a kernel that cannot decline a shape     test_op_contract::test_launches (compiled against reference over all cases)
     3 a parameter shared by two models         test_a_layer_in_two_models, test_autograd::test_shared_parameters_keep_their_first_pack
     4 unused or frozen parameters              test_unused_and_frozen_parameters_never_move
     5 Python state changed by a callback       test_a_closure_changed_by_a_callback, test_a_python_number_changed_between_calls (pinned)
     6 arrays smuggled past tensor()            test_an_array_smuggled_past_tensor, test_capture::test_refused_with_the_users_line[smuggles]
     7 foreign byte order                       test_tensor::test_big_endian_values_arrive_as_values
     8 layer.kernel = new                       test_changes_between_epochs_are_seen
     9 one leaf twice in an op                  test_autograd::test_homes_full_of_rubbish_are_claimed_at_once, test_tied_parameters
    10 a saved gradient home overwritten        test_autograd::test_a_saved_gradient_home_that_was_overwritten_is_caught
    11 strides of axes of size 1                test_strides_of_axes_of_size_one_mean_nothing
    12 labels outside the classes               test_labels_outside_the_classes
    13 global grad mode, recorder, clock        test_autograd::test_grad_mode_belongs_to_a_thread, test_two_models_train_in_two_threads
    14 refusals by another thread, own changes  test_capture::test_noise_in_another_thread_is_not_recorded, test_a_step_that_sets_attributes
    15 a vjp reading what it does not need      test_autograd::test_an_input_that_is_not_needed_may_change
    16 the optimizer's own write stamped late   test_replayed_updates_are_not_taken_for_host_data
    17 a function hiding a module               test_architecture::test_no_function_hides_a_module
    18 comparing Adam through batch norm        the golden values compare Adam on its own
    19 slow random numbers                      a matter of speed: the benchmarks
    20 kernels dropped by the linker            test_compiled_kernels_are_in_the_table
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gpudl
from gpudl import Tensor, layers, optimizers

R = np.random.default_rng(0)
X = R.normal(size=(96, 4)).astype("f4")
Y = R.integers(0, 3, 96)


def make(extra: Sequence[Any], mode: str = "replay", optimizer: Any = None, seed: int = 1, **options: Any) -> Any:
    """A small compiled model with `extra` layers in the middle. Modes: eager, replay, poisoned."""
    gpudl.utils.set_random_seed(seed)
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(16, activation="relu"), *extra, layers.Dense(3, activation="softmax")])
    model.compile(
        optimizer=optimizer or optimizers.SGD(0.05, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=mode == "eager",
        **options,
    )
    if mode == "poisoned":
        model._mode = "poisoned"
    return model


def train(
    extra: Callable[[], Sequence[Any]], mode: str, epochs: int = 4, callbacks: Sequence[Any] = (), **options: Any
) -> tuple[list[Any], Any, list[str]]:
    """(everything to compare, the model, warnings) of one training."""
    model = make(extra(), mode)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        history = model.fit(X, Y, epochs=epochs, callbacks=[copy.deepcopy(c) for c in callbacks], verbose=0, **options).history
    result = [np.array(history[k]) for k in sorted(history)] + [v.numpy() for v in model.variables]
    result += [v.numpy() for v in model.optimizer.variables]
    return result, model, [str(w.message) for w in seen]


def equal(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(np.shape(x) == np.shape(y) and x.tobytes() == y.tobytes() for x, y in zip(a, b))


def replayed(model: Any) -> int:
    return sum(r.replayed for r in model._runners.values())


def check(extra: Callable[[], Sequence[Any]], refused: str = "", **options: Any) -> Any:
    """Eager and replayed training agree bit for bit; the step is refused with `refused`, or not at all."""
    eager, _, quiet = train(extra, "eager", **options)
    assert not quiet
    for mode in ("replay", "poisoned"):
        got, model, said = train(extra, mode, **options)
        assert equal(eager, got), f"{mode} differs from eager"
        if refused:
            assert len(said) == 1 and refused in said[0] and "stays eager" in said[0], said
            assert replayed(model) == 0
        else:
            assert not said, said
            assert replayed(model) > 0
    return model


class Lambda(layers.Layer):
    """A user's layer around a function."""

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def call(self, x: Tensor) -> Tensor:
        return self.f(x)
