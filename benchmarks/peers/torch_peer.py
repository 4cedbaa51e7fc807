"""The same epochs in PyTorch, eager, channels-last, fused optimizer where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def epoch(workload: Any, model: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    import torch
    from torch import nn

    modules: list[nn.Module] = []
    for layer in model.layers:
        modules += _module(layer, nn)
    modules = modules[:-1]  # cross_entropy takes logits
    net = nn.Sequential(*modules)
    pictures = x.ndim == 4
    data = torch.from_numpy(x.transpose(0, 3, 1, 2).copy() if pictures else x)
    if pictures:
        net, data = net.to(memory_format=torch.channels_last), data.to(memory_format=torch.channels_last)
    labels = torch.from_numpy(y)
    adam = type(model.optimizer).__name__ == "Adam"
    optimizer: Any = (
        torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        if adam
        else torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True, fused=True)
    )
    loss_of = nn.CrossEntropyLoss()

    def run() -> float:
        order, total = torch.randperm(len(data)), 0.0
        right = torch.zeros((), dtype=torch.int64)
        loss_sum = torch.zeros(())
        for start in range(0, len(data), workload.batch):
            rows = order[start : start + workload.batch]
            xb, yb = data[rows], labels[rows]
            if pictures:
                xb = xb.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            out = net(xb)
            loss = loss_of(out, yb)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                loss_sum += loss.detach() * len(rows)
                right += (out.argmax(1) == yb).sum()
        total = float(loss_sum) + 0 * int(right)
        return total / len(data)

    return run


def _module(layer: Any, nn: Any) -> list[Any]:
    kind = type(layer).__name__
    found: list[Any] = []
    if kind == "Dense":
        weight = layer.kernel.numpy()
        found = [nn.Linear(*weight.shape)]
    elif kind == "Conv2D":
        r, s, c, k = layer.kernel.numpy().shape
        padding: Any = layer.padding if layer.strides[0] == 1 else 0
        found = [nn.Conv2d(c, k, (r, s), stride=layer.strides[0], padding=padding, bias=layer.use_bias)]
    elif kind == "BatchNormalization":
        found = [nn.BatchNorm2d(layer.gamma.shape[0], eps=1e-3, momentum=0.01)]
    elif kind == "MaxPooling2D":
        found = [nn.MaxPool2d(layer.pool_size[0], layer.strides[0])]
    elif kind == "GlobalAveragePooling2D":
        found = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    elif kind == "Flatten":
        found = [nn.Flatten()]
    elif kind == "Dropout":
        found = [nn.Dropout(layer.rate)]
    elif kind == "ReLU":
        found = [nn.ReLU()]
    elif kind not in ("InputLayer",):
        raise ValueError(f"no PyTorch counterpart is written down for {kind}")
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    if kind in ("Dense", "Conv2D") and activation == "relu":
        found.append(nn.ReLU())
    if kind == "Dense" and activation == "softmax":
        found.append(nn.Softmax(1))
    return found
