"""What Keras 1 had and what Keras 3 left out, row by row, as programs that check what it means. `test_rows.py` runs them in two ways."""

from __future__ import annotations

SPELLINGS: dict[str, str] = {
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
    "BatchNormalization(mode=0)": """
from keras.layers.normalization import BatchNormalization
layer = BatchNormalization(epsilon=1e-6, mode=0, axis=-1, momentum=0.9, beta_init='zero', gamma_init='one')
assert layer.momentum == 0.9
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
    "layers' old names": """
import keras
from keras.layers import (AtrousConvolution2D, AveragePooling2D, Convolution1D, Convolution2D, Deconvolution2D, Input,
                          SeparableConvolution2D)
from keras.layers import Cropping2D, MaxPool2D, GlobalAvgPool2D, ZeroPadding1D
""",
}  # fmt: skip
