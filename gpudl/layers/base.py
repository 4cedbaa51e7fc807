"""Keep weights and compute with them: `Layer`, the base class of all layers and of models.

A layer makes its variables in `build(input_shape)`, at the latest when it is first called, and computes with ops in `call`. Variables are
plain attributes: ``self.kernel = self.add_weight(...)``. Layers know no device.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import constraints, dtype_policies, dtypes, initializers, ops, random, regularizers, renames, variables
from ..dtype_policies import DTypePolicy
from ..errors import DTypeError, ShapeError, unknown_keyword
from ..named import snake_case
from ..tensors import Tensor, host_array, mask_of, mode
from ..variables import Variable
from ..versioned import Versioned, touched
from . import arguments, masks
from .arguments import Shape
from .building import own_parameters, plain, probe, undrawn, whole_or_not
from .context import automatic_name, calls, forget_penalties
from .specification import check_inputs
from .support import HINTS, batch_shape_of, located, shape_of


class Layer(Versioned):
    """Base class of layers.

    Args:
        activity_regularizer: penalty on the output, divided by the batch size, added to the loss.
        trainable: whether the weights learn, default True.
        dtype: of weights and computation: a number type, ``"mixed_float16"``, ``"mixed_bfloat16"`` or a DTypePolicy; default
            `gpudl.config.dtype_policy()`. Floating-point inputs are cast to its compute dtype, and so are weights where ops read them.
        autocast: False leaves inputs and weights in their own dtype. Default True.
        name: unique in a model; default: the class in snake case, numbered.
        **kwargs: ``input_shape`` (without batch axis), ``input_dim`` or ``batch_shape`` of a model's first layer.

    Raises:
        TypeError: for unknown keywords, with the nearest one.

    >>> import gpudl
    >>> class Scale(gpudl.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> layer = Scale()
    >>> layer(gpudl.tensor([[1.0, 2.0]]))
    Tensor([[1., 2.]], dtype=float32, requires_grad=True)
    >>> [v.name for v in layer.weights]
    ['factor']
    """

    input_spec: Any = None  # an InputSpec, or a list of them
    supports_masking = False  # whether outputs get a mask: what `compute_mask` says, which is the mask of the inputs unless overridden

    _takes_training: ClassVar[bool] = False
    _mask_at: ClassVar[int | None] = None  # where `call` takes a mask, counted behind the inputs
    _makes_masks: ClassVar[bool] = False  # whether `compute_mask` is overridden
    # replaced, never changed, so that a copy of `__dict__` is enough to undo a build
    _trained: tuple[Variable, ...] = ()
    _untrained: tuple[Variable, ...] = ()
    _states: tuple[Variable, ...] = ()
    _regularized: tuple[tuple[Variable, Any], ...] = ()
    _building = False
    _build_shape: Any = None
    _first_weights: Any = None  # arrays that `build` puts into the weights
    _batch_shape: Shape | None = None
    _trainable = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = whole_or_not(cls.__dict__["build"])  # type: ignore[method-assign]
        if "call" in cls.__dict__:
            parameters = inspect.signature(cls.__dict__["call"]).parameters.values()
            cls._takes_training = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)
            names = [p.name for p in parameters][2:]
            cls._mask_at = names.index("mask") if "mask" in names else None
        if "compute_mask" in cls.__dict__:
            cls._makes_masks = True
            if "supports_masking" not in cls.__dict__:
                cls.supports_masking = True
        renames.checked_keywords(cls)

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        where = type(self).__name__
        self._batch_shape = batch_shape_of(where, kwargs)
        for keyword in kwargs:
            accepted = (*own_parameters(type(self)), "activity_regularizer", "trainable", "dtype", "autocast", "name", *HINTS)
            raise unknown_keyword(where, keyword, accepted)
        if name is not None and (not isinstance(name, str) or not name):
            raise TypeError(f"[{where}] name must be a string. Received: name={name!r}")
        self._policy = dtype_policies.get(dtype)
        self._own_dtype = dtypes.standard(self._policy.compute_dtype)
        self._trainable = arguments.flag(where, "trainable", trainable)
        self._casts = arguments.flag(where, "autocast", autocast)
        self._reads = self._own_dtype if autocast and self._policy.is_mixed else None  # how ops take its weights
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._name = name or automatic_name(snake_case(where))

    # to be written by subclasses --------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the variables for inputs of this shape, the batch axis in front: ``(None, 4)``."""

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the output with ops. May take ``training``, and ``mask``: that of the inputs, or None."""
        raise NotImplementedError(f"[{type(self).__name__}] write call(self, inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input's, batch axis included. By default found by calling the layer with zeros; nothing is kept."""
        return probe(self, arguments.shape(self._where, "input_shape", input_shape, batch=True))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; None if they have none. Asked if the attribute `supports_masking` is True, as it is where a class
        overrides this. By default the mask of the inputs.
        """
        return previous_mask

    # calling ----------------------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Compute; the first call builds.

        Args:
            inputs: a tensor, or anything that makes one; for layers of several inputs a list of tensors.
            training: whether this is a training step; default: as the layer or model that calls, else False.
            **kwargs: handed to `call`; ``mask=`` instead of the one that the inputs have from the layer before.
        """
        before, read_before, layer_before = calls.training, mode.autocast, mode.layer
        if training is None:
            training = bool(before)
        if before is None and calls.penalties:
            forget_penalties(self)
        calls.training, mode.autocast, mode.layer = training, self._reads, self._name
        try:
            inputs = self._let_in(inputs)
            if self.input_spec is not None:
                check_inputs(self._where, self.input_spec, inputs)
            if not self._built:
                self.build(shape_of(self._where, inputs))
            mask, args = masks.received(self, inputs, args, kwargs)
            outputs = self.call(inputs, *args, training=training, **kwargs) if self._takes_training else self.call(inputs, *args, **kwargs)
            if mask is not None or self._makes_masks:
                outputs = masks.passed_on(self, inputs, outputs, mask)
            if self.activity_regularizer is not None:
                for y in masks.flat(outputs):
                    y = y if self._reads is None else ops.cast(y, self.variable_dtype)
                    self.add_loss(self.activity_regularizer(y) * (1.0 / max(1, y.shape[0])))
            return outputs
        except (ShapeError, DTypeError) as error:
            located(error, self)
            raise
        finally:
            calls.training, mode.autocast, mode.layer = before, read_before, layer_before

    def _let_in(self, x: Any) -> Any:
        """Tensors of the layer's dtype, if they are floating-point."""
        if isinstance(x, Tensor):
            if x.array.dtype == self._own_dtype or not dtypes.is_float(x.array.dtype) or not self._casts:
                return x
            return masks.masked(ops.cast(x, self._own_dtype), mask_of(x))
        if isinstance(x, (list, tuple)) and any(isinstance(v, (Tensor, np.ndarray)) for v in x):
            return type(x)(self._let_in(v) for v in x)
        return self._let_in(self._from_host(x))

    def _from_host(self, x: Any) -> Tensor:
        """A tensor where the variables are."""
        if x is None:
            raise DTypeError(f"[{type(self).__name__}] a tensor or an array is expected. Received: None")
        if isinstance(x, Layer):
            raise TypeError(
                f"[{type(self).__name__}] layer {self._name!r} was called on the layer {x.name!r}, not on data: gpudl has no functional "
                f"API. A model is one chain of layers: Sequential([Input((4,)), {type(self).__name__}(...), ...])"
            )
        held = next(iter(self.variables), None)
        return Tensor(x, device=None if held is None else held.device)

    # what it is -------------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name: of the layer in its model, of its weights in files."""
        return self._name

    @property
    def _where(self) -> str:
        return type(self).__name__

    @property
    def built(self) -> bool:
        """Whether the variables exist."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = value

    @property
    def dtype(self) -> str:
        """Of the weights, as `variable_dtype`."""
        return self._policy.variable_dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """In which dtypes it computes and keeps its weights."""
        return self._policy

    @property
    def compute_dtype(self) -> str:
        """The dtype that floating-point inputs are cast to."""
        return self._own_dtype.name

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self._policy.variable_dtype

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if self._built and isinstance(held, Variable) and value is not held:
            # arenas and recorded steps know its storage: fill it, never swap it
            try:
                held.assign(value)
            except (ShapeError, DTypeError) as error:
                located(error, self)
                raise
            return
        if isinstance(value, Variable):
            self._track(value)
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self._name}, built={self._built}>"

    # variables --------------------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        autocast: bool = True,
        aggregation: Any = "none",
    ) -> Variable:
        """Make a variable of this layer.

        Args:
            shape: default (), a single number.
            initializer: default ``"glorot_uniform"``, for integers and bools ``"zeros"``.
            dtype: default the layer's `variable_dtype`.
            trainable: whether it learns, default True.
            regularizer: a penalty on it, added to the loss.
            constraint: what optimizers make of it after each update.
            name: default ``"variable"``.
            autocast: let ops within the layer take it in the layer's compute dtype; default True.
            aggregation: taken as in Keras, without effect: a weight lies on one device.

        Raises:
            ShapeError: if a size is open or negative.
        """
        if isinstance(shape, str):
            raise TypeError(f"[{self._where}] add_weight: shape comes first. Write add_weight(shape=..., name={shape!r})")
        sizes = () if shape is None else arguments.shape(self._where, "shape", shape)
        if None in sizes:
            raise ShapeError(f"[{self._where}] add_weight: the shape of weight {name!r} must be known. Received: {sizes}")
        wanted = dtypes.standard(self.variable_dtype if dtype is None else dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(wanted) else "zeros"
        maker = initializers.get(initializer)
        values = undrawn(sizes, wanted) if calls.allowance is not None else initializers.values(maker, sizes, wanted)  # type: ignore[arg-type]
        held = next(iter(self._trained or self._untrained), None)
        variable = Variable(values, trainable, wanted, None if held is None else held.device, name or "variable", autocast)
        variable.constraint = constraints.get(constraint)
        self._track(variable)
        if regularizer is not None:
            self._regularized = (*self._regularized, (variable, regularizers.get(regularizer)))
        if not self._trainable:
            variable.trainable = False
        return variable

    def _keep_options(self, name: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
        """Keep what a weight begins with, its penalty and its bounds, as attributes ``<name>_initializer`` and so on."""
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{name}_constraint", constraints.get(constraint))

    def _weight(
        self, name: str, shape: Sequence[int], options: str | None = None, initializer: Any = None, autocast: bool = True
    ) -> Variable:
        """A weight with the options that were kept under its name, or under `options`."""
        start, penalty, bounds = (getattr(self, f"{options or name}_{kind}") for kind in ("initializer", "regularizer", "constraint"))
        return self.add_weight(shape, initializer or start, regularizer=penalty, constraint=bounds, name=name, autocast=autocast)

    def add_random_state(self, seed: int | None = None) -> Variable:
        """Make the state that random ops of this layer draw from. It is moved and saved with the layer, but is no weight."""
        state = random.new_state(f"{self._name}/random") if seed is None else random.Generator(seed).state()
        self._states = (*self._states, state)
        return state

    def _track(self, variable: Variable) -> None:
        if all(variable is not v for v in (*self._trained, *self._untrained, *self._states)):
            if variable.trainable:
                self._trained = (*self._trained, variable)
            else:
                self._untrained = (*self._untrained, variable)

    def _sublayers(self) -> Iterator[Layer]:
        """Layers held by attributes, also in lists and dicts."""
        for value in list(vars(self).values()):
            if isinstance(value, Layer):
                yield value
            elif isinstance(value, (list, tuple)):
                yield from (v for v in value if isinstance(v, Layer))
            elif isinstance(value, dict):
                yield from (v for v in value.values() if isinstance(v, Layer))

    def _tree(self) -> list[Layer]:
        """This layer and all below it, each once."""
        found: dict[Layer, None] = {}
        stack: list[Layer] = [self]
        while stack:
            layer = stack.pop()
            if layer not in found:
                found[layer] = None
                stack.extend(reversed(list(layer._sublayers())))
        return list(found)

    @property
    def weights(self) -> list[Variable]:
        """All variables that are saved: of each layer first those that can learn, then the others."""
        found: dict[int, Variable] = {}
        for layer in self._tree():
            found.update({id(v): v for v in (*layer._trained, *layer._untrained)})
        return list(found.values())

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the random states of layers that draw."""
        states = {id(v): v for layer in self._tree() for v in layer._states}
        return [*self.weights, *states.values()]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that learn now: those of frozen layers are missing."""
        return [v for v in self.weights if v.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that no optimizer moves: statistics, and all of a frozen layer."""
        return [v for v in self.weights if not v.trainable]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that an optimizer moves."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that no optimizer moves, random states among them."""
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable(self) -> bool:
        """Whether the weights learn. Setting it freezes or releases this layer and all below it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        arguments.flag(self._where, "trainable", value)
        for layer in self._tree():
            layer._trainable = value
            for v in layer._trained:
                v.trainable = value
        touched(f"layer {self._name!r} was frozen or released during the step")

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of the weights, as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite the weights with arrays of the same shapes, in the order of `get_weights`. All or none of them are changed.

        Raises:
            ValueError: if the number of arrays or a shape is wrong.
            TypeError: for arrays that do not hold numbers.
        """
        owners = {id(v): layer for layer in self._tree() for v in (*layer._trained, *layer._untrained)}
        held = self.weights
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"[set_weights] a list of arrays is expected. Received: {type(weights).__name__}")
        if len(weights) != len(held):
            built = "" if self._built else "; it is not built yet"
            raise ValueError(
                f"[set_weights] layer {self._name!r} has {len(held)} weights{built}: expected as many arrays. Received: {len(weights)}"
            )
        arrays = []
        for i, (v, value) in enumerate(zip(held, weights)):
            place = f"[set_weights] weight {i}, {v.name!r} of layer {owners[id(v)].name!r}"
            try:
                array = host_array(value)
            except (DTypeError, TypeError, ValueError) as error:
                raise DTypeError(f"{place}, expects numbers. {str(error).removeprefix('[tensor] ')}") from None
            if array.shape != v.shape:
                raise ShapeError(f"{place}, expects shape {v.shape}. Received: shape {array.shape}")
            arrays.append(array)
        for v, array in zip(held, arrays):
            v.assign(array)

    def count_params(self) -> int:
        """How many numbers the weights hold. Raises ValueError before they exist."""
        if not self._built:
            raise ValueError(
                f"[count_params] layer {self._name!r} has no weights yet. Call it on data, build it with an input shape such as (None, 4), "
                "or begin the model with an Input"
            )
        return sum(v.size for v in self.weights)

    def to(self, device: str) -> Layer:
        """Move all variables to ``"cpu"``, ``"cuda"`` or ``"cuda:<n>"``; returns the layer."""
        variables.move(self.variables, device)
        return self

    # terms of the loss ------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Tensor) -> None:
        """To be used in `call`: add a term to the loss that the model is trained with."""
        calls.penalties.setdefault(self, []).append(loss)

    @property
    def losses(self) -> list[Tensor]:
        """The penalties now, tensors without axes: of weights that learn, and of the last call in this thread."""
        found = []
        for layer in self._tree():
            found += calls.penalties.get(layer, [])
            found += [regularizer(v) for v, regularizer in layer._regularized if v.trainable]
        return found

    # configuration ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal, unbuilt layer from: one entry for each argument of the constructor, taken from the
        attribute of that name. Override it where that does not hold.
        """
        config: dict[str, Any] = {"name": self._name, "trainable": self._trainable, "dtype": self._policy.name}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = plain(self.activity_regularizer)
        overridden = type(self).get_config is not Layer.get_config
        for argument in own_parameters(type(self)):
            if argument in config or argument == "activity_regularizer":
                continue
            if hasattr(self, argument):
                config[argument] = plain(getattr(self, argument))
            elif not overridden:
                raise NotImplementedError(
                    f"[get_config] {type(self).__name__} takes {argument!r} but has no attribute of that name. "
                    "Keep it as an attribute, or write get_config()"
                )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer from what `get_config` returned."""
        return cls(**config)


Layer.build = whole_or_not(Layer.build)  # type: ignore[method-assign]
renames.checked_keywords(Layer)

__all__ = ["Layer"]
