"""The course's fragments and terms, as programs for Keras that check what the text says. `test_rows.py` runs them in two ways."""

from __future__ import annotations

# fragment, and what is looked at -> program
FRAGMENTS: dict[str, str] = {
    "1 Adadelta": """
from keras.optimizers import Adadelta
optimizer = Adadelta(rho=0.95)
assert optimizer.rho == 0.95 and round(float(optimizer.learning_rate), 6) == 0.001
""",
    "2 batch normalization": """
from keras.layers import Activation, Dense
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
m = Sequential()
m.add(Dense(units=8, input_dim=4))
m.add(BatchNormalization())
m.add(Activation('relu'))
m.add(Dense(units=3, use_bias=False))
m.add(Activation('softmax'))
m.compile(loss='categorical_crossentropy', optimizer='sgd')
m.fit(X_train, y_train, epochs=1, verbose=0)
assert len(m.layers[1].get_weights()) == 4
""",
    "3 He's initial values": """
import numpy as np
from keras.layers import Conv2D, Dense
from keras.models import Sequential
m = Sequential([Dense(400, input_dim=1000, kernel_initializer='he_normal')])
assert abs(m.get_weights()[0].std() - np.sqrt(2 / 1000)) < 0.001
m = Sequential([Conv2D(64, 3, input_shape=(8, 8, 32), kernel_initializer='he_normal')])
assert abs(m.get_weights()[0].std() - np.sqrt(2 / (3 * 3 * 32))) < 0.002
""",
    "4 binary cross entropy": """
import keras
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
losses = []
for loss in ('binary_crossentropy', keras.losses.binary_crossentropy, keras.losses.BinaryCrossentropy()):
    for labels in (np.array([0, 1, 1, 0]), np.array([[0], [1], [1], [0]])):
        m = Sequential([Dense(1, input_dim=4, activation='sigmoid', kernel_initializer='ones')])
        m.compile('sgd', loss, metrics=['accuracy'])
        losses.append(m.evaluate(X_train[:4], labels, verbose=0))
assert all(np.allclose(found, losses[0]) for found in losses)
worst = keras.losses.binary_crossentropy(np.array([[1.0]]), np.array([[0.0]]))
assert abs(float(worst[0]) - 16.118) < 1e-2
""",
    "5 categorical cross entropy": """
import numpy as np
import keras
y = keras.losses.categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]))
assert abs(float(y[0]) - np.log(2)) < 1e-6
""",
    "6 early stopping": """
from keras.callbacks import EarlyStopping
from keras.layers import Dense
from keras.models import Sequential
cb = EarlyStopping(monitor='val_loss', patience = 10)
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
h = m.fit(X_train, y_train, batch_size=32, epochs=3, validation_data=(X_test, y_test), callbacks=[cb], verbose=0)
for name in ('val_acc', 'val_accuracy', 'acc', 'accuracy'):
    m.fit(X_train, y_train, epochs=1, validation_data=(X_test, y_test), callbacks=EarlyStopping(monitor=name), verbose=0)
assert len(h.history['val_loss']) == 3
""",
    "7 training": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd')
m.fit([X_train], y_train, batch_size=32, epochs=1, verbose=0)
m.fit(X_train.tolist(), y_train.tolist(), batch_size=32, epochs=1, validation_data=(X_test.tolist(), y_test.tolist()), verbose=0)
m.fit(X_train, y_train, callbacks=None, verbose=0)
m.compile(loss='sparse_categorical_crossentropy', optimizer='sgd')
m.fit(X_train, y_train.argmax(1), verbose=0)
""",
    "8 initializing the kernel": """
import keras
from keras.layers import Dense
from keras.models import Sequential
m = Sequential()
m.add(Dense(units=100, input_dim=784, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.01)))
kernel = m.get_weights()[0]
assert 0.0086 < kernel.std() < 0.0090 and abs(kernel).max() <= 0.02
""",
    "9 validation": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
h = m.fit(X_train, y_train, epochs=2, validation_data=(X_test, y_test), verbose=0)
assert list(h.history) == ['loss', 'accuracy', 'val_loss', 'val_accuracy']
assert all(type(v) is float for values in h.history.values() for v in values)
assert h.epoch == [0, 1] and h.params['epochs'] == 2 and h.params['steps'] == 3 and h.params['verbose'] == 0
""",
    "10 compiling": """
import keras
m = keras.models.Sequential()
m.add(keras.layers.Dense(units=64, input_dim=4))
m.add(keras.layers.Activation('relu'))
m.add(keras.layers.Dense(units=3))
m.add(keras.layers.Activation('softmax'))
m.compile(loss=keras.losses.categorical_crossentropy,
          optimizer=keras.optimizers.SGD(lr=0.01, momentum=0.9, nesterov=True), metrics=['accuracy'])
h = m.fit(X_train, y_train, batch_size=32, epochs=2, validation_data=(X_test, y_test), verbose=0)
assert keras.utils.to_categorical([1], 3).tolist() == [[0, 1, 0]]
""",
    "11 predicting": """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
p = m.predict(X_test, verbose=0)
assert isinstance(p, np.ndarray) and p.dtype == np.float32 and p.shape == (len(X_test), 3)
assert np.allclose(p.sum(axis=1), 1, atol=1e-6)
""",
    "12 dropout": """
from keras.layers import Activation, Dense, Dropout
from keras.models import Sequential
m = Sequential()
m.add(Dense(units=100, input_dim=784))
m.add(Activation('relu'))
m.add(Dropout(0.2))
m.add(Dense(units=10))
assert len(m.layers) == 4 and m.layers[2].rate == 0.2
""",
    "13 leaky relu": """
import numpy as np
from keras.layers import LeakyReLU
from keras.models import Sequential
for layer in (LeakyReLU(alpha=0.01), LeakyReLU(negative_slope=0.01), LeakyReLU(0.01)):
    m = Sequential()
    m.add(layer)
    assert np.allclose(m.predict(np.array([[-1.0, 0.0, 2.0]]), verbose=0), [[-0.01, 0, 2]])
""",
    "14 vectors and arrays": """
import keras
import numpy as np
v = np.array([1, 2, 3])
M = np.array([[1, 2, 3], [4, 5, 6]])
for make in (keras.ops.convert_to_tensor, keras.ops.array):
    t = make(v)
    assert int(t[0]) == 1 and t.shape == (3,)
    t = make(M)
    assert [int(n) for n in t[0,]] == [1, 2, 3] and int(t[1, 0]) == 4
    assert keras.ops.reshape(t, (3, 2)).shape == (3, 2) and '4' in str(t)
X = v.reshape(len(v), 1)
assert keras.ops.array(X).shape == (3, 1)
""",
    "15 one hot": """
import numpy as np
from keras.utils import np_utils
from keras.utils.np_utils import to_categorical
assert str(to_categorical(0, 4)) == '[1. 0. 0. 0.]'
assert to_categorical([0, 1]).tolist() == [[1, 0], [0, 1]]
assert to_categorical(np.array([[0], [2]]), 3).tolist() == to_categorical(np.array([0.0, 2.0]), 3).tolist() == [[1, 0, 0], [0, 0, 1]]
assert to_categorical(y=[1], num_classes=3).tolist() == to_categorical(x=[1], num_classes=3).tolist()
assert to_categorical(0, 4, dtype='int32').dtype == np.int32 and to_categorical(0, 4).dtype == np.float32
assert np_utils.to_categorical is to_categorical
""",
    "17 scaling": """
import numpy as np
import keras
x = np.array([[1.0, 5.0], [3.0, 5.0]])
layer = keras.layers.Normalization()
layer.adapt(x)
assert np.allclose(np.array(layer(x))[:, 0], [-1, 1])
assert np.allclose(np.linalg.norm(keras.utils.normalize(x, axis=-1, order=2), axis=1), 1)
""",
}  # fmt: skip

TENSORFLOW = """
import numpy as np
import tensorflow as tf
a = tf.constant([1, 2, 3])
b = tf.constant(np.array([1, 2, 3]))
c = tf.constant([[1, 2], [3, 4]])
assert a.shape == (3,) and c.shape == (2, 2) and int(c[1, 0]) == 3
assert 'int32' in str(a.dtype) and 'int64' in str(b.dtype)
"""

MODEL = """
from keras.callbacks import EarlyStopping
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy')
"""
ATTRIBUTE, IMPORT, TYPE, VALUE = "AttributeError", "ImportError", "TypeError", "ValueError"

# what is misprinted -> (program, error, what it says)
MISPRINTS: dict[str, tuple[str, str, str]] = {
    "1 Adadeota": (
        "from keras.optimizers import Adadeota", IMPORT, "cannot import name 'Adadeota' from 'gpudl.optimizers'. Did you mean 'Adadelta'?",
    ),
    "1 keras.optimizers.Adadeota": ("import keras\nkeras.optimizers.Adadeota(rho=0.95)", ATTRIBUTE, "Did you mean 'Adadelta'?"),
    "1 rh": ("from keras.optimizers import Adadelta\nAdadelta(rh=0.95)", TYPE, "Did you mean 'rho'?"),
    "2 a class": (MODEL + "from keras.layers import BatchNormalization\nm.add(BatchNormalization)", TYPE, "m.add(BatchNormalization())"),
    "5 class numbers": (MODEL + "m.fit(X_train, y_train.argmax(1), verbose=0)", VALUE, "Use loss='sparse_categorical_crossentropy'"),
    "6 var_loss": (
        MODEL + "cb = EarlyStopping(monitor='var_loss', patience = 10)\n"
        "m.fit(X_train, y_train, validation_data=(X_test, y_test), callbacks=[cb], verbose=0)",
        VALUE, "Did you mean 'val_loss'?",
    ),
    "6 val_loss without validation": (
        MODEL + "m.fit(X_train, y_train, callbacks=[EarlyStopping(monitor='val_loss')], verbose=0)", VALUE, "Pass validation_data=(x, y)",
    ),
    "8 an initializer beside the layer": (
        MODEL + "import keras\nm.add(Dense(units=100), keras.initializers.TruncatedNormal(stddev=0.01))",
        TYPE, "belongs into it: Dense(..., kernel_initializer=TruncatedNormal(...))",
    ),
    "8 iniializer": ("import keras\nkeras.iniializer.TruncatedNormal(stddev=0.01)", ATTRIBUTE, "Did you mean 'initializers'?"),
    "8 a module": ("from keras.iniializer import TruncatedNormal", "ModuleNotFoundError", "initializers'?"),
    "8 a module of a module": ("import keras.layers.normalisation", "ModuleNotFoundError", "normalization'?"),
    "12 a rate in quotes": ("from keras.layers import Dropout\nDropout('0.2')", TYPE, "Write the number without quotes: Dropout(0.2)"),
    "12 768": (
        MODEL + "import numpy as np\nSequential([Dense(100, input_dim=768)]).predict(np.ones((2, 784)), verbose=0)",
        VALUE, "For 784 features write input_dim=784",
    ),
    "15 out of range": (
        "from keras.utils import to_categorical\nto_categorical(4, 4)", VALUE, "with num_classes=4 classes are 0 to 3. Received: 4",
    ),
    "complie": (MODEL + "m.complie()", ATTRIBUTE, "Did you mean 'compile'?"),
    "fti": (MODEL + "m.fti()", ATTRIBUTE, "Did you mean 'fit'?"),
    "a layer's attribute": (MODEL + "Dense(3).kernal_initializer", ATTRIBUTE, "Did you mean 'kernel_initializer'?"),
    "an optimizer's method": ("from keras.optimizers import SGD\nSGD().aply()", ATTRIBUTE, "Did you mean 'apply'?"),
    "a callback's attribute": (MODEL + "EarlyStopping().patiense", ATTRIBUTE, "Did you mean 'patience'?"),
    "a history's attribute": (MODEL + "m.fit(X_train, y_train, verbose=0).histroy", ATTRIBUTE, "Did you mean 'history'?"),
}  # fmt: skip

TERMS: dict[str, str] = {
    "step function": """
import keras
import numpy as np
assert np.array(keras.activations.step(keras.ops.array([-1.0, 0.0, 2.0]))).tolist() == [0, 1, 1]
""",
    "sigmoid": """
import warnings
import keras
import numpy as np
with warnings.catch_warnings():
    warnings.simplefilter('error')
    y = np.array(keras.activations.sigmoid(keras.ops.array(np.array([-1000.0, -100.0, 0.0, 1000.0], 'float32'))))
assert y[0] == 0 and y[1] < 1e-40 and y[2] == 0.5 and y[3] == 1
""",
    "softmax": """
import keras
import numpy as np
y = np.array(keras.activations.softmax(keras.ops.array([[1000.0, 1001.0], [-1000.0, 0.0]])))
assert np.allclose(y.sum(1), 1) and np.isfinite(y).all()
assert np.allclose(np.array(keras.activations.softmax(keras.ops.array([[1.0, 5.0], [1.0, 5.0]]), axis=0)), 0.5)
""",
    "activations": """
import keras
from keras.layers import Activation, Dense, LeakyReLU
from keras.models import Sequential
m = Sequential([Dense(4, input_dim=4), Activation('relu'), Activation(keras.activations.relu), Activation(LeakyReLU()),
                Dense(2, activation=LeakyReLU(0.1))])
assert m.predict(X_test, verbose=0).shape == (len(X_test), 2)
""",
    "cross entropy of a row of zeros": """
import keras
import numpy as np
y = keras.losses.categorical_crossentropy(np.array([[1.0, 0.0]], 'float32'), np.zeros((1, 2), 'float32'))
assert np.isfinite(np.array(y)).all()
""",
    "Nesterov without momentum is SGD": """
import keras
import numpy as np
found = []
for options in ({}, {'nesterov': True}):
    keras.utils.set_random_seed(0)
    m = keras.models.Sequential([keras.layers.Dense(3, input_dim=4, activation='softmax')])
    m.compile(keras.optimizers.SGD(0.1, **options), 'categorical_crossentropy')
    m.fit(X_train, y_train, epochs=2, verbose=0)
    found.append(m.get_weights())
assert all(np.array_equal(a, b) for a, b in zip(*found))
""",
    "mini-batches": """
from keras.layers import Dense
from keras.models import Sequential
for shuffle in (True, False, 'batch'):
    m = Sequential([Dense(1, input_dim=2)])
    m.compile('sgd', 'mse')
    m.fit(X_train[:, :2], X_train[:, :1], batch_size=7, shuffle=shuffle, verbose=0)
""",
    "epochs": """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(1, input_dim=2)])
m.compile('sgd', 'mse')
h = m.fit(np.ones((800, 2)), np.ones((800, 1)), batch_size=100, epochs=10, verbose=0)
assert h.params['steps'] == 8 and int(m.optimizer.iterations) == 80
""",
    "dropout": """
import keras
import numpy as np
keras.utils.set_random_seed(0)
layer, x = keras.layers.Dropout(0.2), np.ones((100, 100), 'float32')
y = np.array(layer(x, training=True))
assert set(np.unique(y).round(4)) == {0.0, 1.25} and 0.17 < (y == 0).mean() < 0.23 and (np.array(layer(x)) == 1).all()
""",
    "regularization": """
from keras import regularizers
from keras.layers import Dense
Dense(3, kernel_regularizer=regularizers.l2(0.01))
Dense(3, kernel_regularizer=regularizers.l1_l2(l1=0.01, l2=0.01))
Dense(3, kernel_regularizer='l1')
""",
    "affine": """
from keras.layers import Dense
d = Dense(units=4, input_dim=3)
import keras
a = keras.layers.Affine(units=4, input_dim=3)
assert type(a) is type(d)
""",
    "input dimensions": """
import keras
from keras.layers import Dense
from keras.models import Sequential
first = [[Dense(3, input_dim=4)], [Dense(3, input_shape=(4,))], [Dense(3, batch_input_shape=(None, 4))],
         [keras.Input(shape=(4,)), Dense(3)], [keras.layers.Input((4,)), Dense(3)],
         [keras.layers.InputLayer(input_shape=(4,)), Dense(3)], [keras.layers.InputLayer((4,)), Dense(3)]]
for layers in first:
    assert Sequential(layers).count_params() == 15, layers
""",
    "wrong names are found by compile": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4)])
for names in (('sdg', 'mse', []), ('sgd', 'msee', []), ('sgd', 'mse', ['accurasy'])):
    try:
        m.compile(*names)
    except ValueError as error:
        assert 'Did you mean' in str(error)
    else:
        raise SystemExit(f'{names} were taken')
""",
    "time series": """
import numpy as np
import keras
data = keras.utils.timeseries_dataset_from_array(np.arange(20.0), np.arange(3.0, 20.0), sequence_length=3, batch_size=4)
x, y = next(iter(data))
assert np.array(x).tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]] and np.array(y).tolist() == [3, 4, 5, 6]
""",
    "zca whitening": """
import numpy as np
from keras.preprocessing.image import ImageDataGenerator
images = np.random.default_rng(0).normal(size=(200, 4, 4, 1)) @ np.eye(1)
images = np.cumsum(images, axis=1)
generator = ImageDataGenerator(featurewise_center=True, zca_whitening=True, zca_epsilon=1e-6)
generator.fit(images)
x = next(generator.flow(images, batch_size=200, shuffle=False))
assert x.shape == (200, 4, 4, 1) and np.allclose(np.cov(x.reshape(200, -1).T, bias=True), np.eye(16), atol=1e-2)
""",
    "pictures of models": """
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import plot_model
m = Sequential([Dense(3, input_dim=4)])
lines = []
m.summary(print_fn=lines.append)
assert any('15' in line for line in lines)
plot_model(m, to_file=None, show_shapes=True)
""",
}  # fmt: skip
