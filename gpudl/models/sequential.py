"""Stack layers: `Sequential`, with `fit`, `evaluate` and `predict` from trainer.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from typing import Any

from .. import backends, errors
from .. import layers as layer_classes
from ..errors import DTypeError, ShapeError, did_you_mean
from ..initializers import Initializer
from ..layers import InputLayer, Layer
from ..layers.arguments import Shape
from ..layers.building import remember
from ..layers.masks import remasked
from ..layers.support import Place, located
from ..named import custom_object_scope
from ..regularizers import Regularizer
from ..tensors import Tensor, mask_of
from ..versioned import touched
from . import saving, summary
from .trainer import Trainer


class Sequential(Layer, Trainer):  # type: ignore[override]
    """Layers, each of which computes from the output of the one before.

    Args:
        layers: a list of layers; more can be added with `add`.
        trainable: whether the weights learn, default True.
        name: default ``"sequential"``, numbered.

    The shape of the input is said by an `Input` in front or by ``input_shape=`` of the first layer; otherwise the weights are made when the
    model first sees data.

    >>> import gpudl
    >>> model = Sequential([gpudl.layers.Input((4,)), gpudl.layers.Dense(3, activation="softmax", name="out")])
    >>> model.count_params()
    15
    >>> model(gpudl.zeros((2, 4))).shape
    (2, 3)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        Layer.__init__(self, trainable=trainable, name=name)
        self._init_trainer()
        self._stack: list[Layer] = []  # with the InputLayer
        self._shapes: list[Shape] = []  # the outputs of those that are built
        if isinstance(layers, Layer):
            layers = [layers]
        if layers is not None and (isinstance(layers, (str, Mapping)) or not isinstance(layers, Iterable)):
            raise TypeError(f"[Sequential] layers must be a list of layers. Received: {layers!r}")
        for layer in layers or ():
            self.add(layer)

    # structure --------------------------------------------------------------------------------------------------------------

    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Put a layer on top. Where the input's shape is known its weights are made at once.

        Args:
            layer: an instance of a layer; models can be layers.
            rebuild: False leaves the weights to the next `build` or call. Default True.

        Raises:
            TypeError: for anything that is no layer: a class, a function, an initializer.
            ValueError: for a name that is there already.
            ShapeError: if the layer does not fit. The model is unchanged then.
        """
        check_addable(layer, rebuild)
        if layer is self:
            raise ValueError(f"[add] model {self.name!r} cannot be a layer of itself")
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(
                f"[add] model {self.name!r} has a layer named {layer.name!r} already; names must differ. "
                f"Write {type(layer).__name__}(..., name=...)"
            )
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"[add] an Input comes first. Model {self.name!r} begins with layer {self._stack[0].name!r}")
        undo = remember(self)
        undo_layer = remember(layer)
        try:
            if not self._stack:
                self._batch_shape = layer._batch_shape
                if layer._batch_shape is not None and not isinstance(layer, (InputLayer, Sequential)):
                    self._stack.append(InputLayer(batch_shape=layer._batch_shape, dtype=layer.dtype))
            self._stack.append(layer)
            if not self._trainable:
                layer.trainable = False
            if self._batch_shape is not None and rebuild and not isinstance(layer, InputLayer):
                self._build_chain(self._batch_shape)
                self._built = True
        except BaseException:
            undo_layer()
            undo()
            raise
        touched(f"layer {layer.name!r} was added during the step")

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away; returns it."""
        if not self.layers:
            raise ValueError(f"[pop] model {self.name!r} has no layers")
        layer = self._stack.pop()
        del self._shapes[len(self._stack) :]
        if not self.layers:
            self._built = False
            if self._stack == []:
                self._batch_shape = None
        touched(f"layer {layer.name!r} was removed during the step")
        return layer

    @property
    def layers(self) -> list[Layer]:  # type: ignore[override]
        """The layers, without the Input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its number.

        Raises:
            ValueError: for an unknown name, with the nearest one, or without any.
            IndexError: for a number that is too large.
        """
        held = self.layers
        if (name is None) == (index is None):
            raise ValueError("[get_layer] pass either a name or an index")
        if index is not None:
            if isinstance(index, bool) or not isinstance(index, int):
                raise TypeError(f"[get_layer] index must be an integer. Received: index={index!r}")
            if not -len(held) <= index < len(held):
                raise IndexError(f"[get_layer] model {self.name!r} has {len(held)} layers. Received: index={index}")
            return held[index]
        for layer in self._stack:
            if layer.name == name:
                return layer
        names = [layer.name for layer in held]
        raise ValueError(f"[get_layer] there is no layer named {name!r}.{did_you_mean(str(name), names)} Layers: {', '.join(names)}")

    # building ---------------------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Make the weights.

        Args:
            input_shape: of the input, with the batch axis: ``(None, 4)``. Default: what the first layer says.

        Raises:
            ShapeError: if a layer does not fit, naming it. The model is unchanged then.
        """
        if not self.layers:
            raise ValueError(f"[build] model {self.name!r} has no layers. Add some first: model.add(gpudl.layers.Dense(10))")
        if input_shape is None:
            input_shape = self._batch_shape
        if input_shape is None:
            raise ValueError("[build] the input's shape is not known. Call build((None, 4)), or begin with Input((4,))")
        self._build_chain(input_shape)
        if self._batch_shape is None:
            self._batch_shape = (None, *input_shape[1:])

    def _build_chain(self, shape: Shape) -> None:
        """Build what is not built yet; `_shapes` grows with it."""
        if self._shapes:
            shape = self._shapes[-1]
        with self._on_device():
            for layer in self._stack[len(self._shapes) :]:
                try:
                    layer.build(shape)
                    shape = layer.compute_output_shape(shape)
                except (ShapeError, DTypeError) as error:
                    located(error, layer, self._index(layer))
                    raise
                self._shapes.append(shape)

    def _on_device(self) -> AbstractContextManager[Any]:
        """New weights go where the others are."""
        held = self.weights
        return backends.device(held[0].device) if held else nullcontext()

    def _index(self, layer: Layer) -> int | None:
        return None if isinstance(layer, InputLayer) else self.layers.index(layer)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input's, batch axis included; nothing is built."""
        shape = tuple(input_shape)
        for layer in self._stack:
            try:
                shape = layer.compute_output_shape(shape)
            except (ShapeError, DTypeError) as error:
                located(error, layer, self._index(layer))
                raise
        return shape

    def _expected_input(self) -> Shape | None:
        return self._batch_shape

    def _output_for(self, input_shape: tuple[int, ...]) -> Shape:
        output = self.compute_output_shape((None, *input_shape[1:]))  # data may have more rows than an Input's fixed batch
        return (input_shape[0], *output[1:])

    @property
    def input_shape(self) -> Shape:
        """With the batch axis."""
        if self._batch_shape is None:
            raise AttributeError(f"model {self.name!r} does not know its input's shape yet. Begin with Input(...), or call build(...)")
        return self._batch_shape

    @property
    def output_shape(self) -> Shape:
        """With the batch axis."""
        return self.compute_output_shape(self.input_shape)  # type: ignore[no-any-return]

    @property
    def input(self) -> Place:
        """Shape and dtype of what goes in. It is no tensor: there is no functional API."""
        return Place(self.input_shape, self.dtype, f"{self.name}_input")

    @property
    def output(self) -> Place:
        """Shape and dtype of what comes out."""
        return Place(self.output_shape, self.dtype, f"{self.name}_output")

    @property
    def inputs(self) -> list[Place]:
        """`input`, in a list."""
        return [self.input]

    @property
    def outputs(self) -> list[Place]:
        """`output`, in a list."""
        return [self.output]

    # computing --------------------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Tensor:  # type: ignore[override]
        """The output of the last layer, on the tape; the first call builds.

        Args:
            inputs: a batch: a tensor, or anything that makes one.
            training: whether this is a training step; default: as the layer or model that calls, else False.
            mask: bools (N, T): which steps of sequences count. Default: the mask that a layer gave the inputs, if any.
        """
        return Layer.__call__(self, inputs, training=training, mask=mask)  # type: ignore[no-any-return]

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        x = inputs if mask is mask_of(inputs) else remasked(inputs, mask)
        layer: Layer = self
        try:
            for layer in self._stack:
                x = layer(x, training=training)
        except (ShapeError, DTypeError) as error:
            located(error, layer, self._index(layer))
            raise
        return x

    supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """None: the last layer has put the mask on the output, if there is one."""
        return None

    def _let_in(self, x: Any) -> Any:
        """Tensors as they are: each layer casts to its own dtype."""
        if not self._stack:
            raise ValueError(f"[call] model {self.name!r} has no layers. Add some first: model.add(gpudl.layers.Dense(10))")
        return x if isinstance(x, Tensor) else self._from_host(x)

    @property
    def dtype(self) -> str:
        """Of the weights, by the first layer."""
        return self._dtype.name

    @property
    def compute_dtype(self) -> str:
        """The dtype that the layers compute in, by the first."""
        return next((layer.compute_dtype for layer in self.layers), self.dtype)

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype

    def penalties(self) -> list[Tensor]:
        """Terms of the loss: of regularized weights that learn, and of the last call."""
        return self.losses

    @property
    def _foreign(self) -> bool:
        """Whether Python code that is not ours takes part in a step."""
        own = __name__.split(".")[0]
        parts: list[Any] = []
        for layer in self._tree():
            parts += [layer, getattr(layer, "activation", None), layer.activity_regularizer, *[r for _, r in layer._regularized]]
        modules = [getattr(p, "__module__", None) or type(p).__module__ for p in parts if p is not None]
        return any(m.split(".")[0] != own for m in modules) or super()._foreign

    def to(self, device: str) -> Sequential:
        """Move weights, random states and training state to ``"cpu"``, ``"cuda"`` or ``"cuda:<n>"``; returns the model."""
        name = backends.normalise(device)
        backends.get(name)
        Layer.to(self, name)
        for part in self._tree():
            if isinstance(part, Sequential):
                part._move_training_state(name)
        return self

    # copies -----------------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """For `copy.deepcopy` and pickle: everything but recorded steps, with the values of the optimizer's slots."""
        state = dict(vars(self))
        for name in ("_runners", "_workspace", "_lock", "loss_tracker", "metrics_in_use", "_metrics_for", "history"):
            state.pop(name, None)
        learning = saving.learning_weights(self)
        state["slots"] = None if learning is None else (learning, [v.numpy() for v in self.optimizer.variables])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("slots")
        self._init_trainer()
        vars(self).update(state)
        if kept is not None:
            saving.restore_slots(self, *kept)

    # looking, saving --------------------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
        memory: bool | int | Sequence[int] = False,
    ) -> None:
        """Print a table of the layers: name and class, shape of the output, number of parameters.

        Args:
            line_length: width in characters, default 88 or what the terminal has.
            positions: where the columns end, as fractions of the width.
            print_fn: takes one line; default `print`.
            expand_nested: show the layers of models that are layers.
            show_trainable: a column that says which layers learn.
            layer_range: the names of two layers, as regular expressions: only what lies between them is shown, with these. Default: all.
            memory: also say how many bytes training takes: parameters, gradients, the optimizer's slots, and activations for batches of
                these sizes; True: of 1, 32 and 256. Activations are forecast from shapes (`gpudl/models/memory.py` says how), or what the
                step really takes where one of that batch size was recorded. Default False.
        """
        lines = [*summary.lines(self, line_length, positions, expand_nested, show_trainable, print_fn is None, layer_range)]
        if memory is not False:
            from . import memory as forecast

            lines += forecast.lines(self, memory)
        for line in lines:
            (print_fn or print)(line)

    def get_compile_config(self) -> dict[str, Any] | None:
        """How the model is trained, as plain data for `compile_from_config`, in Keras' words; None if it is not compiled.

        >>> import gpudl
        >>> model = gpudl.Sequential([gpudl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.get_compile_config()["loss"]["class_name"]
        'MeanSquaredError'
        """
        from . import keras_training

        return keras_training.compile_to_keras(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` said, with a new optimizer."""
        from . import keras_training

        self.compile(**keras_training.compile_from_keras(config, "compile_from_config"))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` makes an equal model from, without weights."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [layer_classes.serialize(layer) for layer in self._stack],
        }
        if self._batch_shape is not None:
            config["build_input_shape"] = list(self._batch_shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new model from what `get_config` returned, with new weights.

        Args:
            config: of the model.
            custom_objects: name -> class or function of your own that the configuration names.
        """
        allowed = ("name", "trainable", "layers", "build_input_shape")
        for key in config:
            if key not in allowed:
                raise errors.unknown_keyword(cls.__name__, key, allowed)
        model = cls(name=config.get("name"))
        with custom_object_scope(custom_objects):
            for layer in config.get("layers", ()):
                model.add(layer_classes.deserialize(layer))
        shape = config.get("build_input_shape")
        if shape is not None and not model.built and model.layers:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model._trainable = False  # of the model; what each layer says stays
        return model

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as JSON, without weights, for `model_from_json` of gpudl or of Keras.

        Args:
            **kwargs: for `json.dumps`, e.g. ``indent=1``.

        >>> import gpudl, json
        >>> json.loads(Sequential([gpudl.layers.Input((4,))], name="none").to_json())["config"]["name"]
        'none'
        """
        from . import keras_models

        return keras_models.to_json(self, **kwargs)

    def save(
        self,
        filepath: str | PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        include_optimizer: bool = True,
        save_format: str | None = None,
    ) -> None:
        """Write everything to one file: layers, weights, and what training needs to go on. See `load_model`.

        The file is written beside its place and moved there whole: an old one survives every failure.

        Args:
            filepath: its ending says which kind of file it is: ``.keras`` or nothing, ``.h5`` or ``.hdf5`` (Keras reads these, too; they
                need the package h5py), or ``.safetensors`` (gpudl's own).
            overwrite: False refuses to replace a file. Default True.
            zipped, include_optimizer, save_format: as for `save_model`.
        """
        saving.save_model(self, filepath, overwrite, zipped, include_optimizer, save_format)

    def check_saves(self, filepath: str | PathLike[str], weights_only: bool = False) -> None:
        """Raise what `save`, or `save_weights`, would raise for this path later on, e.g. after the first epoch."""
        saving.check_path("save_weights" if weights_only else "save", filepath)

    def save_training(self, filepath: str | PathLike[str], epochs: int) -> None:
        """Write the state of a training after so many epochs, for `BackupAndRestore`."""
        from . import resuming

        resuming.save_training(self, filepath, epochs)

    def read_training(self, filepath: str | PathLike[str]) -> tuple[Any, Any]:
        """The contents of a file of `save_training`, checked."""
        from . import resuming

        return resuming.read_training(filepath)

    def restore_training(self, arrays: Any, document: Any) -> None:
        """Go back to the state that was read; called within fit, fit goes on with the epoch after it."""
        from . import resuming

        resuming.restore_training(self, arrays, document)

    def save_weights(self, filepath: str | PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone, as safely as `save`, to a file that ends in ``.safetensors``, ``.weights.h5`` or ``.h5``."""
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | PathLike[str], skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Read weights into this model, which must have the layers of the one that was saved. All or none of them are changed.

        Args:
            filepath: what `save_weights` or `save` wrote, here or in Keras.
            skip_mismatch: leave out layers whose weights do not fit, with a warning. Default False: an error.
            by_name: of an ``.h5`` file, read only the layers whose names this model has. Default False: all, in their order.
        """
        saving.load_weights(self, filepath, skip_mismatch, by_name)


def check_addable(layer: Any, rebuild: Any) -> None:
    """Say what to write instead, if this is no layer."""
    if isinstance(rebuild, Initializer) or (isinstance(rebuild, type) and issubclass(rebuild, Initializer)):
        kind = rebuild.__name__ if isinstance(rebuild, type) else type(rebuild).__name__
        owner = type(layer).__name__ if isinstance(layer, Layer) else "Dense"
        raise TypeError(f"[add] takes one layer. The initializer {kind} belongs into it: {owner}(..., kernel_initializer={kind}(...))")
    if not isinstance(rebuild, bool):
        raise TypeError(f"[add] takes one layer; rebuild must be True or False. Received: rebuild={rebuild!r}")
    if isinstance(layer, Layer):
        return
    if isinstance(layer, type):
        if issubclass(layer, Layer):
            raise TypeError(f"[add] {layer.__name__} is a class; add an instance of it: m.add({layer.__name__}())")
        raise TypeError(f"[add] a layer is expected. Received: the class {layer.__name__}")
    if isinstance(layer, (Initializer, Regularizer)):
        what = "initializer" if isinstance(layer, Initializer) else "regularizer"
        raise TypeError(
            f"[add] a layer is expected. Received: the {what} {layer!r}, which belongs into a layer: Dense(..., kernel_{what}={layer!r})"
        )
    if isinstance(layer, str):
        raise TypeError(f"[add] a layer is expected. Received: {layer!r}. For an activation function write Activation({layer!r})")
    if callable(layer):
        name = getattr(layer, "__name__", repr(layer))
        raise TypeError(f"[add] a layer is expected. Received: the function {name}. Write Activation({name}), or derive a class from Layer")
    raise TypeError(f"[add] a layer is expected. Received: {layer!r}")


layer_classes.serialization.register(Sequential)

__all__ = ["Sequential"]
