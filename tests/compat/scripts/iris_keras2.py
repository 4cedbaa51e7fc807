# Keras 2, the way the course writes it: lr, alpha, utils.np_utils, tensorflow imported and not used
import sys

import keras
import numpy as np
import tensorflow as tf  # noqa: F401  as in the course
from keras.callbacks import EarlyStopping
from keras.layers import Activation, Dense
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
from keras.utils.np_utils import to_categorical
from sklearn import datasets
from sklearn.model_selection import train_test_split

iris = datasets.load_iris()
x_train, x_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.5, random_state=0)
low, high = x_train.min(0), x_train.max(0)
x_train, x_test = (x_train - low) / (high - low), (x_test - low) / (high - low)
y_train, y_test = to_categorical(y_train, 3), to_categorical(y=y_test, num_classes=3)

m = Sequential()
m.add(Dense(units=64, input_dim=4, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.1)))
m.add(BatchNormalization())
m.add(LeakyReLU(alpha=0.01))
m.add(Dense(units=3))
m.add(Activation("softmax"))
m.compile(
    loss=keras.losses.categorical_crossentropy,
    optimizer=keras.optimizers.SGD(lr=0.05, momentum=0.9, nesterov=True),
    metrics=["acc"],
)
m.optimizer.lr = 0.1
stop = EarlyStopping(monitor="val_acc", patience=50)
h = m.fit(x_train, y_train, batch_size=32, epochs=int(sys.argv[1]), validation_data=(x_test, y_test), callbacks=[stop], verbose=0)
print("val_acc", h.history["val_acc"][-1])
assert h.history["acc"][-1] > 0.85
assert np.allclose(m.predict(x_test, verbose=0).sum(1), 1, atol=1e-6)
