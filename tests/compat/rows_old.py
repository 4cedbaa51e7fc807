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
    "Keras 1: Dense": """
from keras.layers import Dense
from keras.regularizers import l1, l2, l1l2, activity_l2
from keras.constraints import maxnorm, nonneg
layer = Dense(output_dim=4, init='uniform', W_regularizer=l2(0.1), b_regularizer=l1(0.1), W_constraint=maxnorm(2), b_constraint=nonneg(),
              bias=True, activity_regularizer=activity_l2(0.1), input_dim=3)
assert layer.units == 4 and abs(layer.kernel_regularizer.l2 - 0.1) < 1e-7
assert not Dense(4, bias=False).use_bias
l1l2(l1=0.1, l2=0.2)
""",
    "Keras 1: dropout and noise": """
from keras.layers import Dropout, GaussianDropout, GaussianNoise, SpatialDropout2D
assert Dropout(p=0.5).rate == 0.5 and GaussianNoise(sigma=0.1).stddev == 0.1 and GaussianDropout(p=0.3).rate == 0.3
assert SpatialDropout2D(p=0.5, dim_ordering='th').data_format == 'channels_first'
""",
    "Keras 1: recurrent": """
from keras.layers.recurrent import GRU, LSTM, SimpleRNN
for cls in (SimpleRNN, LSTM, GRU):
    layer = cls(output_dim=4, init='glorot_uniform', inner_init='orthogonal', W_regularizer='l2', U_regularizer='l2', b_regularizer='l2',
                dropout_W=0.1, dropout_U=0.1, consume_less='gpu', return_sequences=True, input_dim=3, input_length=5)
    assert layer.units == 4 and layer.dropout == 0.1 and layer.recurrent_dropout == 0.1
assert LSTM(4, inner_activation='hard_sigmoid', forget_bias_init='one', implementation=1).unit_forget_bias
""",
    "Keras 1: embedding": """
from keras.layers.embeddings import Embedding
layer = Embedding(input_dim=10, output_dim=4, init='uniform', W_regularizer='l2', W_constraint='unitnorm', input_length=5, dropout=0.0)
assert layer.output_dim == 4
""",
    "Keras 1: convolutions": """
from keras.layers.convolutional import (Convolution1D, Convolution2D, MaxPooling1D, MaxPooling2D, AveragePooling1D, AveragePooling2D,
                                        ZeroPadding2D, UpSampling1D, UpSampling2D, AtrousConvolution2D, SeparableConvolution2D)
c = Convolution2D(32, 3, 5, border_mode='same', subsample=(2, 2), dim_ordering='th', init='he_normal', activation='relu')
assert (c.kernel_size, c.padding, c.strides, c.data_format) == ((3, 5), 'same', (2, 2), 'channels_first')
c = Convolution2D(nb_filter=8, nb_row=3, nb_col=1, W_regularizer='l2', bias=False)
assert c.filters == 8 and c.kernel_size == (3, 1) and not c.use_bias
c = Convolution1D(nb_filter=8, filter_length=3, subsample_length=2, border_mode='valid', input_dim=4, input_length=9)
assert c.filters == 8 and c.kernel_size == (3,) and c.strides == (2,)
assert MaxPooling1D(pool_length=3, stride=2, border_mode='same').pool_size == (3,)
assert MaxPooling2D(pool_size=(2, 2), strides=(1, 1), border_mode='same', dim_ordering='tf').padding == 'same'
assert AveragePooling1D(pool_length=3).pool_size == (3,)
assert UpSampling1D(length=3).size == 3 or UpSampling1D(length=3).size == (3,)
assert AtrousConvolution2D(8, 3, 3, atrous_rate=(2, 2)).dilation_rate == (2, 2)
assert SeparableConvolution2D(8, 3, 3, depth_multiplier=2).kernel_size == (3, 3)
""",
    "Convolution2D and Conv2D": """
import warnings
import keras
from keras.layers import Conv2D, Convolution2D
assert Convolution2D(32, 3, 3).strides == (1, 1) and Convolution2D(32, (3, 3)).kernel_size == (3, 3)
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    assert Conv2D(32, 3, 3).strides == (3, 3)
""",
    "nb_epoch": """
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd', class_mode='categorical')
h = m.fit(X_train, y_train, nb_epoch=2, batch_size=32, verbose=0, show_accuracy=True)
assert len(h.history['acc']) == len(h.history['accuracy']) == 2
found = m.evaluate(X_test, y_test, show_accuracy=True, verbose=0)
assert len(found) == 2
""",
    "samples_per_epoch": """
import itertools
from keras.layers import Dense
from keras.models import Sequential
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
def batches():
    while True:
        yield X_train[:10], y_train[:10]
h = m.fit_generator(batches(), samples_per_epoch=70, nb_epoch=2, validation_data=batches(), nb_val_samples=30, verbose=0, nb_worker=1,
                    max_q_size=10, pickle_safe=False)
assert len(h.history['val_loss']) == 2 and int(m.optimizer.iterations) == 14
assert len(m.evaluate_generator(batches(), val_samples=20)) == 2
assert m.predict_generator(batches(), val_samples=20).shape == (20, 3)
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
    "BatchNormalization(mode=0)": """
from keras.layers.normalization import BatchNormalization
layer = BatchNormalization(epsilon=1e-6, mode=0, axis=-1, momentum=0.9, beta_init='zero', gamma_init='one')
assert layer.momentum == 0.9
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
    "ImageDataGenerator": """
import numpy as np
from keras.layers import Dense, Flatten
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
images, labels = np.random.default_rng(0).uniform(0, 255, (20, 8, 8, 3)), np.eye(2)[np.arange(20) % 2]
datagen = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True, rotation_range=20, width_shift_range=0.2,
                             height_shift_range=0.2, horizontal_flip=True, vertical_flip=True, rescale=1.0 / 255,
                             zoom_range=0.1, shear_range=0.1)
datagen.fit(images)
m = Sequential([Flatten(input_shape=(8, 8, 3)), Dense(2, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy', ['accuracy'])
h = m.fit_generator(datagen.flow(images, labels, batch_size=8), steps_per_epoch=len(images) // 8, epochs=2, verbose=0)
m.fit(datagen.flow(images, labels, batch_size=8), epochs=1, verbose=0)
assert len(h.history['loss']) == 2 and len(datagen.flow(images, labels, batch_size=8)) == 3
""",
    "text": """
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer, one_hot, text_to_word_sequence
t = Tokenizer(num_words=10)
t.fit_on_texts(['The cat sat on the mat.', 'The dog'])
assert t.word_index['the'] == 1 and t.texts_to_sequences(['the dog']) == [[1, t.word_index['dog']]]
assert t.texts_to_matrix(['the the cat'], mode='count')[0, 1] == 2
assert text_to_word_sequence('Hello, World!') == ['hello', 'world'] and all(0 < n < 50 for n in one_hot('a b c', 50))
assert pad_sequences([[1], [1, 2, 3]], maxlen=2).tolist() == [[0, 1], [2, 3]]
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
    "Keras 1: pictures, texts, classes": """
import numpy as np
from keras.preprocessing.image import ImageDataGenerator
from keras.preprocessing.text import Tokenizer
from keras.utils import np_utils
assert ImageDataGenerator(dim_ordering='th').data_format == 'channels_first' and Tokenizer(nb_words=10).num_words == 10
assert np_utils.categorical_probas_to_classes(np.array([[0.2, 0.8]])).tolist() == [1]
assert np_utils.probas_to_classes(np.array([[0.2], [0.8]])).tolist() == [[0], [1]]
try:
    ImageDataGenerator(rotation=20)
except TypeError as error:
    assert "Did you mean 'rotation_range'?" in str(error)
""",
    "initializers": """
import keras
from keras.layers import Dense
for name in 'normal uniform zero one glorot_normal lecun_uniform he_uniform identity orthogonal zeros ones'.split():
    keras.models.Sequential([Dense(4, input_dim=4, init=name)])
    keras.initializers.get(name)
keras.initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None), keras.initializers.glorot_uniform(seed=1)
""",
    "old hooks of callbacks": """
from keras.callbacks import Callback
from keras.layers import Dense
from keras.models import Sequential
seen = []
class Old(Callback):
    def on_batch_begin(self, batch, logs={}):
        seen.append(('begin', batch))
    def on_batch_end(self, batch, logs={}):
        seen.append(('end', batch, logs.get('loss') is not None))
m = Sequential([Dense(3, input_dim=4, activation='softmax')])
m.compile('sgd', 'categorical_crossentropy')
m.fit(X_train, y_train, batch_size=40, verbose=0, callbacks=[Old()])
assert seen == [('begin', 0), ('end', 0, True), ('begin', 1), ('end', 1, True)]
""",
    "scikit-learn": """
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
def build(units=8):
    m = Sequential([Dense(units, input_dim=4, activation='relu'), Dense(3, activation='softmax')])
    m.compile('sgd', 'categorical_crossentropy', metrics=['accuracy'])
    return m
c = KerasClassifier(build_fn=build, epochs=2, batch_size=8, verbose=0)
c.fit(X_train, y_train.argmax(1))
assert c.predict(X_test).shape == (len(X_test),) and c.predict_proba(X_test).shape == (len(X_test), 3)
assert 0 <= c.score(X_test, y_test.argmax(1)) <= 1
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
    "layers' old names": """
import keras
from keras.layers import (AtrousConvolution2D, AveragePooling2D, Convolution1D, Convolution2D, Deconvolution2D, Input,
                          SeparableConvolution2D)
from keras.layers import Cropping2D, MaxPool2D, GlobalAvgPool2D, ZeroPadding1D
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
