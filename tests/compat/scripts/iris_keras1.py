# Keras 1: nb_epoch, output_dim, init, W_regularizer, p, old module paths
import sys

import numpy as np
from keras.layers.core import Activation, Dense, Dropout
from keras.models import Sequential
from keras.optimizers import SGD
from keras.regularizers import l2
from keras.utils import np_utils
from sklearn import datasets

iris = datasets.load_iris()
x = (iris.data - iris.data.min(0)) / (iris.data.max(0) - iris.data.min(0))
y = np_utils.to_categorical(iris.target, nb_classes=3)

model = Sequential()
model.add(Dense(output_dim=64, input_dim=4, init="glorot_uniform", W_regularizer=l2(1e-5)))  # the first layer
model.add(Activation("relu"))
model.add(Dropout(p=0.1))
model.add(Dense(3, init="uniform"))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer=SGD(lr=0.1, momentum=0.9, nesterov=True), metrics=["accuracy"])
hist = model.fit(x, y, nb_epoch=int(sys.argv[1]), batch_size=32, verbose=0)
print("acc", hist.history["acc"][-1])
assert hist.history["acc"][-1] > 0.85
assert np.array_equal(model.predict_classes(x), model.predict(x, verbose=0).argmax(-1))
