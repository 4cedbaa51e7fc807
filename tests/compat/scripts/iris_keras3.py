# Keras 3 and tensorflow.keras, the spellings of today
import sys

import numpy as np
import tensorflow as tf
from sklearn import datasets
from tensorflow import keras
from tensorflow.keras.layers import Activation, Dense

iris = datasets.load_iris()
x = np.asarray((iris.data - iris.data.min(0)) / (iris.data.max(0) - iris.data.min(0)), "float32")
y = tf.keras.utils.to_categorical(iris.target, num_classes=3)

model = tf.keras.models.Sequential([keras.Input(shape=(4,)), Dense(64), Activation("relu"), tf.keras.layers.Dense(3, activation="softmax")])
model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate=0.1, momentum=0.9), loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=int(sys.argv[1]), batch_size=32, verbose=0)
print("accuracy", history.history["accuracy"][-1])
assert history.history["accuracy"][-1] > 0.85
