"""Old spellings, row by row, as programs for Keras 1 and 2 that check what they mean. `test_rows.py` runs them in two ways."""

from __future__ import annotations

SPELLINGS: dict[str, str] = {
    "lr": """
import keras
from keras.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop
for cls in (SGD, RMSprop, Adam, Adadelta, Adagrad, Adamax, Nadam):
    optimizer = cls(lr=0.25)
    assert float(optimizer.lr) == float(optimizer.learning_rate) == 0.25
    optimizer.lr = 0.5
    assert float(optimizer.learning_rate) == 0.5
""",
    "decay": """
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD
import numpy as np
m = Sequential([Dense(1, input_dim=1, use_bias=False, kernel_initializer='zeros')])
m.compile(loss='mse', optimizer=SGD(lr=0.5, decay=1.0))
steps = []
for _ in range(3):
    before = m.get_weights()[0][0, 0]
    m.train_on_batch(np.ones((1, 1)), np.array([[before + 1.0]]))
    steps.append(m.get_weights()[0][0, 0] - before)
assert np.allclose(steps, [1.0, 1 / 2, 1 / 3], rtol=1e-5), steps
""",
    "Nadam": """
from keras.optimizers import Adam, Nadam
assert Nadam(lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=None, schedule_decay=0.004).epsilon == 1e-7
assert Adam(epsilon=None, decay=0.0, amsgrad=False).epsilon == 1e-7
""",
    "optimizers.legacy": """
import keras
from keras.optimizers.legacy import Adam
from keras.optimizers import legacy
import keras.optimizers.legacy as old
assert legacy.SGD is old.SGD is keras.optimizers.legacy.SGD is keras.optimizers.SGD and Adam is keras.optimizers.Adam
""",
    "input_dim and input_shape": """
import warnings
from keras.layers import Conv2D, Dense, Embedding, LSTM
from keras.models import Sequential
with warnings.catch_warnings():
    warnings.simplefilter('error')
    assert Sequential([Dense(3, input_dim=4)]).input_shape == (None, 4)
    assert Sequential([Conv2D(3, (3, 3), input_shape=(8, 8, 1))]).output_shape == (None, 6, 6, 3)
    assert Sequential([LSTM(3, input_shape=(None, 2))]).output_shape == (None, 3)
""",
    "batch_input_shape, weights, input_length": """
import numpy as np
from keras.layers import Dense, Embedding, Flatten, LSTM
from keras.models import Sequential
assert Sequential([LSTM(3, batch_input_shape=(8, 5, 2), stateful=True)]).input_shape == (8, 5, 2)
m = Sequential([Dense(2, input_dim=3, weights=[np.ones((3, 2)), np.zeros(2)])])
assert (m.get_weights()[0] == 1).all()
m = Sequential([Embedding(10, 4, input_length=6), Flatten()])
assert m.output_shape == (None, 24)
m = Sequential([Embedding(10, 4, weights=[np.full((10, 4), 2.0)], input_length=6, trainable=False)])
assert (m.predict(np.zeros((1, 6)), verbose=0) == 2).all() and not m.trainable_weights
""",
    "fit_generator": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['acc'])
def batches():
    while True:
        yield X_train[:10], y_train[:10]
h = m.fit_generator(batches(), steps_per_epoch=3, epochs=2, verbose=0, validation_data=(X_test, y_test), workers=2,
                    use_multiprocessing=False)
assert list(h.history) == ['loss', 'acc', 'val_loss', 'val_acc'] or h.history['val_acc']
m.evaluate_generator(batches(), steps=3)
assert m.predict_generator(batches(), steps=2, verbose=0).shape == (20, 3)
""",
    "predict_classes": """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
assert np.array_equal(m.predict_classes(X_test, batch_size=8, verbose=0), m.predict_proba(X_test, verbose=0).argmax(-1))
m = Sequential([Dense(1, input_dim=4, activation='sigmoid')])
assert m.predict_classes(X_test).shape == (len(X_test), 1)
""",
    "LeakyReLU and relatives": """
import numpy as np
from keras.layers import ELU, LeakyReLU, PReLU, ThresholdedReLU
from keras.layers.advanced_activations import ThresholdedReLU as same
from keras.models import Sequential
assert LeakyReLU(alpha=0.01).negative_slope == 0.01 and same is ThresholdedReLU
m = Sequential()
m.add(ThresholdedReLU(theta=1.0))
assert m.predict(np.array([[-1.0, 0.5, 1.0, 2.0]]), verbose=0).tolist() == [[0, 0, 0, 2]]
ELU(alpha=0.5), PReLU(init='zero')
""",
    "CuDNN": """
from keras.layers import GRU, LSTM, CuDNNGRU, CuDNNLSTM
m = CuDNNLSTM(4, input_shape=(5, 3), return_sequences=True)
assert isinstance(m, LSTM) and isinstance(CuDNNGRU(4), GRU)
LSTM(4, implementation=2), GRU(4, implementation=1, reset_after=False)
""",
    "modules of layers": """
from keras.layers.normalization import BatchNormalization
from keras.layers.core import Activation, Dense, Dropout, Flatten, Lambda, Permute, RepeatVector, Reshape
from keras.layers.convolutional import Conv2D, MaxPooling2D, ZeroPadding2D
from keras.layers.pooling import GlobalAveragePooling2D
from keras.layers.recurrent import GRU, LSTM, SimpleRNN
from keras.layers.embeddings import Embedding
from keras.layers.advanced_activations import ELU, LeakyReLU, PReLU, ReLU, Softmax
from keras.layers.noise import GaussianDropout, GaussianNoise
from keras.layers.wrappers import Bidirectional, TimeDistributed
import keras.layers.local
import keras.layers.merge
""",
    "modules of utils and others": """
from keras.utils.np_utils import to_categorical
from keras.utils.vis_utils import plot_model
from keras.utils.generic_utils import Progbar, get_custom_objects
from keras.utils.data_utils import Sequence, get_file
from keras.utils.layer_utils import print_summary
import keras.utils.io_utils
""",
    "modules of engine": """
from keras.engine.topology import Layer
from keras.engine import InputLayer
from keras.objectives import categorical_crossentropy
from keras.initializations import he_normal, uniform
from keras.preprocessing.text import Tokenizer, one_hot, text_to_word_sequence
from keras.preprocessing.sequence import pad_sequences, TimeseriesGenerator, skipgrams
from keras.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img
from keras.preprocessing import image, sequence, text
""",
    "np_utils": """
from keras.utils import np_utils
from keras.utils.np_utils import normalize, to_categorical
assert np_utils.to_categorical([1], nb_classes=2).tolist() == [[0, 1]]
""",
    "to_categorical": """
import numpy as np
from keras.utils import to_categorical
assert to_categorical(y=[1], num_classes=2, dtype='float64').dtype == np.float64
""",
    "names of losses": """
import keras
from keras import losses
for name in ('mse mae mape msle MSE MAE MAPE MSLE kullback_leibler_divergence cosine_proximity logcosh mean_squared_error hinge '
             'squared_hinge categorical_hinge poisson binary_crossentropy categorical_crossentropy '
             'sparse_categorical_crossentropy').split():
    assert callable(getattr(losses, name)), name
    keras.models.Sequential([keras.layers.Dense(3, input_dim=4, activation='softmax')]).compile('sgd', name)
    losses.get(name)
for name in 'bce kld huber BCE KLD'.split():
    keras.models.Sequential([keras.layers.Dense(3, input_dim=4)]).compile('sgd', name)
from keras import metrics
for name in ('mse mae mape msle cosine_proximity binary_accuracy categorical_accuracy sparse_categorical_accuracy '
             'top_k_categorical_accuracy').split():
    assert callable(getattr(metrics, name)), name
    m = keras.models.Sequential([keras.layers.Dense(8, input_dim=4, activation='softmax')])
    m.compile('sgd', 'mse', metrics=[name, getattr(metrics, name)])
""",
    "cosine proximity": """
import numpy as np
import keras
same = np.array([[3.0, 4.0]])
assert abs(float(keras.losses.cosine_proximity(same, same)[0]) + 1) < 1e-6
""",
    "acc": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', metrics=['acc'])
h = m.fit(X_train, y_train, validation_data=(X_test, y_test), epochs=1, verbose=0).history
for name in ('acc', 'accuracy', 'val_acc', 'val_accuracy'):
    assert len(h[name]) == 1 and name in h, name
import keras
keras.metrics.get('acc'), keras.metrics.get('accuracy')
""",
    "EarlyStopping, ModelCheckpoint and ReduceLROnPlateau": """
import os, tempfile
from keras.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', metrics=['accuracy'])
with tempfile.TemporaryDirectory() as folder:
    keep = ModelCheckpoint(os.path.join(folder, 'w-{epoch:02d}-{val_acc:.2f}.safetensors'), monitor='val_acc', period=2)
    slower = ReduceLROnPlateau(monitor='val_loss', factor=0.2, epsilon=1e-3, patience=5)
    m.fit(X_train, y_train, epochs=4, validation_data=(X_test, y_test), verbose=0,
          callbacks=[EarlyStopping('val_acc', patience=9), keep, slower])
    assert [name[:5] for name in sorted(os.listdir(folder))] == ['w-02-', 'w-04-']
assert slower.min_delta == 1e-3
""",
    "optimizer.lr in callbacks": """
from keras import backend as K
from keras.callbacks import Callback, LearningRateScheduler
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy')
class Halve(Callback):
    def on_epoch_begin(self, epoch, logs={}):
        K.set_value(self.model.optimizer.lr, K.get_value(self.model.optimizer.lr) * 0.5)
m.fit(X_train, y_train, epochs=2, callbacks=[Halve()], verbose=0)
assert abs(K.get_value(m.optimizer.lr) - 0.0025) < 1e-9 and abs(K.eval(m.optimizer.lr) - 0.0025) < 1e-9
m.optimizer.lr = 0.5
assert K.get_value(m.optimizer.learning_rate) == 0.5
m.optimizer.lr.assign(0.25)
assert K.get_value(m.optimizer.learning_rate) == 0.25
""",
    "positional metrics": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', ['accuracy'])
assert len(m.evaluate(X_test, y_test, verbose=0)) == 2
m.compile(optimizer='sgd', loss='categorical_crossentropy', metrics=['accuracy'], loss_weights=None, sample_weight_mode=None,
          weighted_metrics=None, target_tensors=None)
assert len(m.evaluate(X_test, y_test, verbose=0)) == 2
""",
    "custom losses with the backend": """
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential
import numpy as np
def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))
def dice(y_true, y_pred, smooth=1.0):
    t, p = K.flatten(K.cast(y_true, K.floatx())), K.flatten(y_pred)
    return 1 - (2 * K.sum(t * p) + smooth) / (K.sum(t) + K.sum(p) + smooth)
def recall(y_true, y_pred):
    hit = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    return hit / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())
def contrastive(y_true, y_pred, margin=1.0):
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(margin - y_pred, 0.0)))
for loss in (rmse, dice, contrastive):
    m = Sequential([Dense(3, input_dim=4, activation='softmax'), Lambda(lambda x: x / K.sum(x, axis=-1, keepdims=True))])
    m.compile('sgd', loss, metrics=[recall])
    assert np.isfinite(m.fit(X_train, y_train, epochs=3, batch_size=25, verbose=0).history['loss']).all()
""",
    "the backend": """
from keras import backend as K
import numpy as np
x = K.constant([[1.0, -2.0], [3.0, 4.0]])
v = K.variable(np.zeros((2, 2)), name='v')
K.set_value(v, np.ones((2, 2)))
assert K.get_value(v).tolist() == K.eval(v).tolist() == [[1, 1], [1, 1]]
assert K.int_shape(x) == (2, 2) and K.ndim(x) == 2 and K.dtype(x) == 'float32'
names = '''abs all any arange argmax argmin batch_dot batch_flatten batch_get_value batch_set_value binary_crossentropy cast cast_to_floatx
categorical_crossentropy clear_session clip concatenate constant cos count_params cumsum cumprod dot dropout dtype elu epsilon equal eval
exp expand_dims eye flatten floatx gather
get_uid get_value gradients greater greater_equal hard_sigmoid identity image_data_format int_shape
is_keras_tensor is_tensor l2_normalize learning_phase less less_equal log logsumexp max maximum mean min minimum ndim not_equal one_hot
ones ones_like permute_dimensions placeholder pool2d pow prod random_normal random_uniform relu repeat repeat_elements reshape
reverse round set_epsilon set_floatx set_image_data_format set_learning_phase set_value shape sigmoid sign sin softmax softplus softsign
sparse_categorical_crossentropy sqrt square squeeze stack std stop_gradient sum switch tanh tile transpose truncated_normal update
update_add update_sub var variable zeros zeros_like conv2d'''.split()
missing = [name for name in names if not hasattr(K, name)]
assert not missing, missing
assert K.backend() and K.image_dim_ordering() in ('tf', 'th')
assert K.permute_dimensions(x, (1, 0)).shape == (2, 2) and K.batch_flatten(K.ones((2, 3, 4))).shape == (2, 12)
assert np.allclose(K.eval(K.l2_normalize(x, axis=-1)), np.array([[1, -2], [3, 4]]) / np.sqrt([[5], [25]]))
assert K.eval(K.switch(K.greater(x, 0), x, K.zeros_like(x))).tolist() == [[1, 0], [3, 4]]
assert K.eval(K.repeat_elements(x, 2, axis=0)).shape == (4, 2) and K.eval(K.pow(x, 2)).tolist() == [[1, 4], [9, 16]]
assert K.eval(K.any(K.equal(x, 3.0))) and K.eval(K.reverse(x, axes=0)).tolist() == [[3, 4], [1, -2]]
assert K.eval(K.dot(x, x)).shape == (2, 2) and K.eval(K.one_hot(K.constant([1], dtype='int32'), 3)).tolist() == [[0, 1, 0]]
K.update(v, v + 1), K.update_add(v, 1.0), K.update_sub(v, 0.5)
assert (K.eval(v) == 2.5).all()
""",
    "states that are kept": """
import numpy as np
from keras.layers import LSTM, Dense
from keras.models import Sequential
m = Sequential([LSTM(4, batch_input_shape=(2, 5, 1), stateful=True), Dense(1)])
x = np.ones((2, 5, 1), 'float32')
first, second = m.predict(x, batch_size=2, verbose=0), m.predict(x, batch_size=2, verbose=0)
m.reset_states()
again = m.predict(x, batch_size=2, verbose=0)
assert not np.allclose(first, second) and np.array_equal(first, again)
m.layers[0].reset_states()
""",
    "initializers": """
import keras
from keras.layers import Dense
for name in 'normal uniform zero one glorot_normal lecun_uniform he_uniform identity orthogonal zeros ones'.split():
    keras.models.Sequential([Dense(4, input_dim=4, init=name)])
    keras.initializers.get(name)
keras.initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None), keras.initializers.glorot_uniform(seed=1)
""",
    "star imports": """
from keras.models import *
from keras.layers import *
from keras.optimizers import *
from keras.callbacks import *
m = Sequential()
m.add(Convolution2D(4, 3, 3, input_shape=(8, 8, 1), border_mode='same'))
m.add(MaxPooling2D())
m.add(Flatten())
m.add(Dense(3))
m.compile(SGD(lr=0.1), 'mse')
Convolution1D, CuDNNLSTM, ThresholdedReLU, EarlyStopping, Deconvolution2D
""",
    "star imports of old modules": """
from keras.layers.core import *
from keras.layers.convolutional import *
from keras.layers.normalization import *
from keras.utils.np_utils import *
Dense(3), Convolution2D(4, 3, 3), BatchNormalization(), to_categorical([1])
""",
    "tf.keras": """
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers.legacy import Adam
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.python.keras.utils import np_utils
m = Sequential([tf.keras.Input(shape=(4,)), Dense(3, activation=tf.nn.softmax)])
m.compile(tf.keras.optimizers.Adam(lr=0.1), tf.keras.losses.CategoricalCrossentropy(), [tf.keras.metrics.CategoricalAccuracy()])
m.fit(X_train, y_train, verbose=0)
tf.random.set_seed(1)
assert tf.__version__.startswith('2')
""",
}  # fmt: skip
