"""Take the spellings of older Keras: fills the table of renames. Nothing else knows them; without this package they are gone."""

from __future__ import annotations

from ..renames import RENAMES

RENAMES.update(
    {
        ("LeakyReLU", "alpha"): "negative_slope",
        ("Optimizer", "lr"): "learning_rate",
        ("logs", "acc"): "accuracy",  # names in logs: EarlyStopping(monitor="val_acc")
    }
)
