"""Write the training loop yourself: forward, backward, update, with `capture` for the speed of `fit`.

Run: python examples/custom_loop.py
"""

import numpy as np
from sklearn.datasets import load_diabetes

import gpudl
from gpudl import ops


def main(epochs: int = 200) -> float:
    gpudl.utils.set_random_seed(0)
    x, y = load_diabetes(return_X_y=True)
    x = gpudl.tensor(x / x.std(axis=0), dtype="float32")
    y = gpudl.tensor((y - y.mean()) / y.std(), dtype="float32")

    rng = np.random.default_rng(0)
    w1 = gpudl.Variable(rng.normal(0, 0.3, (10, 16)), dtype="float32", name="w1")
    b1 = gpudl.Variable(np.zeros(16), dtype="float32", name="b1")
    w2 = gpudl.Variable(rng.normal(0, 0.3, (16, 1)), dtype="float32", name="w2")
    optimizer = gpudl.optimizers.Adam(0.01)

    @gpudl.capture
    def step(x, y):
        for variable in (w1, b1, w2):
            variable.grad = None
        hidden = ops.leaky_relu(x @ w1 + b1, 0.01)
        loss = ops.mean(ops.square((hidden @ w2)[:, 0] - y))
        loss.backward()
        optimizer.apply(trainable_variables=[w1, b1, w2])
        return loss

    for epoch in range(epochs):
        loss = step(x, y)
        if epoch % 50 == 0:
            print(f"epoch {epoch:4d}  mean squared error {loss.item():.4f}")
    print(f"final mean squared error {loss.item():.4f}, {step.replayed} of {epochs} steps replayed")
    return float(loss)


if __name__ == "__main__":
    main()
