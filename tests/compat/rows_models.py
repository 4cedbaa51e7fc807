"""What models take and give, row by row: the signatures and behaviours of `Sequential`, as programs for Keras 3."""

from __future__ import annotations

MODELS: dict[str, str] = {
    "constructor": """
from keras.layers import Dense
from keras.models import Sequential
assert len(Sequential().layers) == 0
for layers in ([Dense(3, input_dim=4), Dense(2)], (Dense(3, input_dim=4), Dense(2)), (Dense(n, input_dim=4) for n in (3, 2))):
    m = Sequential(layers, trainable=True, name='net')
    assert len(m.layers) == 2 and m.name == 'net' and m.trainable
""",
    "add and pop": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential()
m.add(Dense(3, input_dim=4), rebuild=True)
m.add(Dense(2))
m.pop(rebuild=True)
assert m.output_shape == (None, 3)
m = Sequential([Dense(3)])
m.build(input_shape=(None, 4))
assert m.built and m.count_params() == 15
""",
    "call": """
import numpy as np
from keras.layers import Dense, Dropout
from keras.models import Sequential
m = Sequential([Dense(3), Dropout(0.5)])
x = np.ones((2, 4), 'float32')
assert m(x).shape == (2, 3) and m(x, training=True).shape == (2, 3) and m.call(x, training=False, mask=None).shape == (2, 3)
""",
    "compile": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(optimizer='rmsprop', loss='mse', loss_weights=None, metrics=['mae'], weighted_metrics=['mse'], run_eagerly=False,
          steps_per_execution=1, jit_compile='auto', auto_scale_loss=True)
m.fit(X_train, y_train, verbose=0)
m.compile('adam', 'mse', ['accuracy'])
m.compile(loss='mse', jit_compile=True, steps_per_execution=10)
m.fit(X_train, y_train, verbose=0)
""",
    "loss_weights": """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
found = []
for weights in (None, [2.0], 2.0):
    m.compile('sgd', 'mse', loss_weights=weights)
    found.append(m.evaluate(X_train, y_train, verbose=0))
assert np.allclose(found[1:], 2 * found[0])
""",
    "fit": """
import inspect
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
names = list(inspect.signature(Sequential.fit).parameters)[1:]
expected = '''x y batch_size epochs verbose callbacks validation_split validation_data shuffle class_weight sample_weight initial_epoch
              steps_per_epoch validation_steps validation_batch_size validation_freq'''.split()
assert names[:16] == expected, names
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', metrics=['accuracy'])
h = m.fit(X_train, y_train, 16, 3, 0, None, 0.2, None, True, {0: 1.0, 1: 2.0, 2: 1.0}, np.ones(75), 1, 2, 1, 8, 2)
assert h.epoch == [1, 2] and len(h.history['loss']) == 2 and len(h.history['val_loss']) == 1
assert m.history is h
""",
    "evaluate": """
import inspect
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', metrics=['accuracy'])
names = list(inspect.signature(Sequential.evaluate).parameters)[1:9]
assert names == ['x', 'y', 'batch_size', 'verbose', 'sample_weight', 'steps', 'callbacks', 'return_dict'], names
found = m.evaluate(X_test, y_test, verbose=0)
assert isinstance(found, list) and len(found) == 2 and all(type(v) is float for v in found)
assert m.evaluate(X_test, y_test, 8, 0, None, 2, None, True).keys() == {'loss', 'accuracy'}
m.compile('sgd', 'categorical_crossentropy')
assert type(m.evaluate(X_test, y_test, verbose=0)) is float
""",
    "predict": """
import inspect
from keras.layers import Dense
from keras.models import Sequential
names = list(inspect.signature(Sequential.predict).parameters)[1:6]
assert names == ['x', 'batch_size', 'verbose', 'steps', 'callbacks'], names
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
assert m.predict(X_test, 8, 0, 2, None).shape == (16, 3)
""",
    "single batches": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', metrics=['accuracy'])
found = m.train_on_batch(X_train[:8], y_train[:8], sample_weight=None, class_weight=None)
assert isinstance(found, list) and len(found) == 2
assert m.train_on_batch(X_train[:8], y_train[:8], return_dict=True).keys() == {'loss', 'accuracy'}
assert len(m.test_on_batch(X_test, y_test)) == 2 and m.predict_on_batch(X_test).shape == (30, 3)
""",
    "summary": """
import keras
from keras.layers import Dense
inner = keras.Sequential([Dense(2, name='inside')], name='inner')
m = keras.Sequential([keras.Input((4,)), Dense(3, name='first'), inner, Dense(1, name='last')])
def text(**options):
    lines = []
    m.summary(print_fn=lines.append, **options)
    return '\\n'.join(lines)
plain = text(line_length=90, positions=[0.4, 0.7, 1.0])
assert 'Layer (type)' in plain and 'Total params: 26' in plain and 'Non-trainable params: 0' in plain
assert 'inside' in text(expand_nested=True) and 'Trainable' in text(show_trainable=True).split('Total')[0]
assert 'last' not in text(layer_range=['first', 'inner']) and 'first' in text(layer_range=['first', 'inner'])
""",
    "looking": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, name='a'), Dense(2, name='b')])
assert m.get_layer('b') is m.get_layer(index=1) is m.layers[1]
assert m.input_shape == (None, 4) and m.output_shape == (None, 2) and m.count_params() == 23
assert m.inputs[0].shape == (None, 4) and m.outputs[0].shape == (None, 2) and m.input.shape == (None, 4) and m.output.shape == (None, 2)
assert [len(x) for x in (m.weights, m.trainable_weights, m.non_trainable_weights, m.trainable_variables)] == [4, 4, 0, 4]
assert m.layers[0].output.shape == (None, 3) and m.layers[0].input.shape == (None, 4)
m.layers[0].trainable = False
assert len(m.trainable_weights) == 2
m.trainable = False
assert not m.layers[1].trainable and not m.trainable_weights
m.set_weights(m.get_weights())
assert m.name.startswith('sequential') and not m.stop_training
m.compile('sgd', 'mse', metrics=['accuracy', 'mae'])
assert m.optimizer is not None
m.trainable = True
m.fit(X_train, y_train[:, :2], verbose=0)
assert m.metrics_names == ['loss', 'accuracy', 'mae'], m.metrics_names
""",
    "names of metrics count in each model": """
import keras
for _ in range(2):
    m = keras.Sequential([keras.layers.Dense(1, input_dim=4, activation='sigmoid')])
    m.compile('sgd', 'binary_crossentropy', metrics=[keras.metrics.AUC(), keras.metrics.AUC()])
    h = m.fit(X_train, y_train[:, :1], validation_data=(X_test, y_test[:, :1]), verbose=0)
    assert list(h.history) == ['loss', 'auc', 'auc_1', 'val_loss', 'val_auc', 'val_auc_1']
""",
    "steps of one's own": """
import keras
class Own(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight) * 2.0
m = Own([keras.layers.Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy')
plain = keras.Sequential(m.layers)
plain.compile('sgd', 'categorical_crossentropy')
assert abs(m.evaluate(X_test, y_test, verbose=0) / plain.evaluate(X_test, y_test, verbose=0) - 2) < 1e-5
m.reset_metrics()
assert m.get_metrics_result().keys() == {'loss'}
""",
    "losses and weights of one's own": """
import keras
class Sparse(keras.layers.Layer):
    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer='ones', dtype=None, trainable=True, autocast=True,
                                      regularizer='l2', constraint=None, aggregation='none', name='factor')
    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.abs(x)))
        return x * self.factor
m = keras.Sequential([keras.layers.Input((4,)), Sparse(), keras.layers.Dense(3, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy')
m.fit(X_train, y_train, verbose=0)
assert len(m.losses) >= 1 and m.compute_output_shape((None, 4)) == (None, 3)
""",
    "configurations": """
import json
import keras
m = keras.Sequential([keras.layers.Dense(3, input_dim=4, activation='relu'), keras.layers.Dropout(0.5)], name='net')
same = keras.Sequential.from_config(m.get_config())
assert same.name == 'net' and same.count_params() == 15
m.compile('adam', 'mse', metrics=['mae'])
config = json.loads(json.dumps(m.get_compile_config()))
same.compile_from_config(config)
assert type(same.optimizer).__name__ == 'Adam'
""",
    "functional": """
import keras
from keras.layers import Dense, Input
try:
    inputs = Input(shape=(4,))
    outputs = Dense(3)(inputs)
    keras.Model(inputs, outputs)
except (TypeError, NotImplementedError, AttributeError) as error:
    assert 'Sequential' in str(error), error
else:
    raise SystemExit('taken')
""",
    "Model": """
try:
    from keras.models import Model
    Model(inputs=None, outputs=None)
except (ImportError, TypeError, NotImplementedError) as error:
    assert 'Sequential' in str(error), error
else:
    raise SystemExit('taken')
""",
}  # fmt: skip

UTILS: dict[str, str] = {
    "names": """
import keras
names = '''to_categorical normalize set_random_seed plot_model Progbar pad_sequences clear_session custom_object_scope get_custom_objects
register_keras_serializable get_file image_dataset_from_directory timeseries_dataset_from_array split_dataset load_img img_to_array
array_to_img save_img PyDataset Sequence model_to_dot serialize_keras_object deserialize_keras_object'''.split()
missing = [name for name in names if not hasattr(keras.utils, name)]
assert not missing, missing
""",
    "settings": """
import keras
for where in (keras.config, keras.backend):
    for name in 'floatx set_floatx epsilon set_epsilon image_data_format set_image_data_format backend'.split():
        assert callable(getattr(where, name)), name
assert keras.config.floatx() == keras.backend.floatx() == 'float32' and keras.config.epsilon() == 1e-7
keras.config.disable_traceback_filtering(), keras.config.enable_traceback_filtering(), keras.config.disable_interactive_logging()
keras.config.enable_interactive_logging()
for name in 'SeedGenerator normal uniform truncated_normal dropout shuffle randint categorical'.split():
    assert callable(getattr(keras.random, name)), name
assert keras.config.is_interactive_logging_enabled() in (True, False)
""",
    "the session": """
import keras
keras.utils.clear_session(free_memory=True)
keras.backend.clear_session()
""",
}
