"""Take the spellings of older Keras: fills the tables of `gpudl.renames`. Nothing else knows them; without this package they are gone.

`python -m gpudl run` and `python -m gpudl migrate` live here too, in files that are loaded when they are asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from .. import renames
from . import attributes, calls, decay, layers, methods, modules, table


def _named(module: str, name: str) -> Callable[[], object]:
    return lambda: getattr(import_module(module), name)


def _itself(made: object) -> Callable[[], object]:
    return lambda: made


def _module(name: str) -> Callable[[], object]:
    return lambda: import_module(name)


renames.RENAMES.update(table.RENAMES)
renames.VALUES.update(table.VALUES)
renames.AROUND.update(calls.AROUND)
renames.ATTRIBUTES.update(attributes.ATTRIBUTES)
renames.IN_MODULES.update({(module, old): _named(module, new) for module, names in table.NAMES.items() for old, new in names.items()})
renames.IN_MODULES.update({(path.rpartition(".")[0], path.rpartition(".")[2]): _module(path) for path in table.MODULES})
renames.IN_MODULES["gpudl.utils", "print_summary"] = _itself(methods.print_summary)
renames.IN_MODULES["gpudl.utils", "probas_to_classes"] = _itself(methods.probas_to_classes)
renames.IN_MODULES["gpudl.utils", "categorical_probas_to_classes"] = _itself(methods.probas_to_classes)
renames.IN_MODULES["gpudl.utils", "count_params"] = _itself(methods.count_params)
renames.IN_MODULES["gpudl.metrics", "cosine_proximity"] = _named("gpudl.losses", "cosine_similarity")
renames.IN_MODULES.update({("gpudl.layers", old): _itself(made) for old, made in layers.NAMES.items()})
for module, old in renames.IN_MODULES:  # for `import *`
    listed = getattr(sys.modules.get(module), "__all__", None)
    if listed is not None and old not in listed and f"{module}.{old}" not in table.MODULES:
        listed.append(old)
decay.install()
methods.install()
modules.install()
