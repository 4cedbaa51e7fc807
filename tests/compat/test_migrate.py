"""`python -m gpudl migrate`: the diff is right, comments stay, and what it writes needs no old spelling."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gpudl
from gpudl.compat.migrate import Rewriter, migrate

HOUSE = Path(gpudl.__file__).parent.parent
SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))

CASES = {
    "import keras": "import gpudl as keras",
    "import keras.backend as K": "import gpudl.backend as K",
    "import numpy as np, keras": "import numpy as np, gpudl as keras",
    "from keras import layers, models": "from gpudl import layers, models",
    "from keras.layers.core import Dense as D  # why\nD(output_dim=3)": "from gpudl.layers import Dense as D  # why\nD(units=3)",
    "from tensorflow.keras.layers import *\nDropout(p=0.5)": "from gpudl.layers import *\nDropout(rate=0.5)",
    "from keras.layers import (\n    Dense,  # one\n    Convolution2D,\n    # two\n)  # three\n": (
        "from gpudl.layers import (\n    Dense,  # one\n    Conv2D,\n    # two\n)  # three\n"
    ),
    "from keras.layers.core import Dense, \\\n    Dropout as D  # why\nD(p=0.5)": (
        "from gpudl.layers import Dense, \\\n    Dropout as D  # why\nD(rate=0.5)"
    ),
    "from keras.utils import (  # tools\n    np_utils,  # labels\n    plot_model,\n)  # end\nnp_utils.to_categorical(y=[0])": (
        "# tools\n# labels\nfrom gpudl import utils as np_utils\nfrom gpudl.utils import plot_model  # end\nnp_utils.to_categorical(x=[0])"
    ),
    "if True:\n    from keras.utils import (np_utils,  # labels\n        plot_model)\n": (
        "if True:\n    # labels\n    from gpudl import utils as np_utils\n    from gpudl.utils import plot_model\n"
    ),
    "from keras.layers import Conv2D, Convolution2D, Dense": "from gpudl.layers import Conv2D, Dense",
    "from keras.layers import (Conv2D,  # one\n    Convolution2D)": "from gpudl.layers import (Conv2D,  # one\n    Conv2D)",
    "from  keras.layers  import  Dense": "from  gpudl.layers  import  Dense",
    "from keras.layers import Convolution2D\nConvolution2D(32, 3, 3, border_mode='same', dim_ordering='th')": (
        "from gpudl.layers import Conv2D\nConv2D(32, (3, 3), padding='same', data_format='channels_first')"
    ),
    "import keras\nkeras.layers.core.Dense(3)": "import gpudl as keras\nkeras.layers.Dense(3)",
    "import keras\nkeras.utils.np_utils.to_categorical(y=[0])": "import gpudl as keras\nkeras.utils.to_categorical(x=[0])",
    "from keras.initializers import he_normal\nhe_normal(seed=1)": "from gpudl.initializers import HeNormal\nHeNormal(seed=1)",
    "import tensorflow as tf\nx = tf.constant([1.0], tf.float32)\ntf.reduce_sum(x)": (
        'import gpudl as keras\nx = keras.constant([1.0], "float32")\nkeras.ops.sum(x)'
    ),
    "try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None": (
        "try:\n    import gpudl as keras\nexcept ImportError:\n    tf = None"
    ),
    "import tensorflow as tf\nprint(1)": "print(1)",
    "m.fit(x, nb_epoch=3)  # 学習\nm.optimizer.lr = 0.1": "m.fit(x, epochs=3)  # 学習\nm.optimizer.learning_rate = 0.1",
    "m.compile('sgd', metrics=['acc'])\nh.history['val_acc']": "m.compile('sgd', metrics=['accuracy'])\nh.history['val_accuracy']",
    "m.fit_generator(g, steps_per_epoch=2)": "m.fit(g, steps_per_epoch=2)",
    # others' names are left alone
    "from torch.nn import Dropout\nDropout(p=0.5)": "from torch.nn import Dropout\nDropout(p=0.5)",
    "def Dense(output_dim): ...\nDense(output_dim=3)": "def Dense(output_dim): ...\nDense(output_dim=3)",
    "history = {'acc': 1}\nhistory['acc']": "history = {'acc': 1}\nhistory['acc']",
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES.items())
def test_rewriting(before: str, after: str) -> None:
    assert Rewriter(before).result() == after
    assert Rewriter(after).result() == after, "twice is once"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_what_is_written_runs_without_compat(script: Path, tmp_path: Path) -> None:
    source = "\n".join(line for line in script.read_text().splitlines() if "predict_classes" not in line) + "\n"
    new = Rewriter(source).result()
    assert "from keras" not in new and "import keras" not in new and "tensorflow" not in new.split("\n", 1)[1]
    assert [line for line in new.splitlines() if "#" in line], "comments stay"
    start = f"import sys, types; sys.path.insert(0, {str(HOUSE)!r}); sys.modules['gpudl.compat'] = types.ModuleType('gpudl.compat'); "
    start += "sys.argv = ['script.py', '40']\n"
    done = subprocess.run([sys.executable, "-W", "error", "-c", start + new], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_diff_and_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "old.py"
    before = b"# -*- coding: latin-1 -*-\r\nimport keras  # \xe9\r\nm.predict_classes(x)\r\n"
    script.write_bytes(before)
    assert migrate(str(script)) == 0
    shown = capsys.readouterr()
    assert "-import keras  # é" in shown.out and "+import gpudl as keras  # é" in shown.out and shown.out.startswith("--- ")
    assert "argmax" in shown.err and "line 3" in shown.err
    assert script.read_bytes() == before
    assert migrate(str(script), write=True) == 0
    assert script.read_bytes() == before.replace(b"import keras", b"import gpudl as keras")
    capsys.readouterr()
    assert migrate(str(script)) == 0
    assert capsys.readouterr().out == ""


def test_what_cannot_be_read_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.py").write_text("import keras\nx = (\n")
    assert migrate(str(tmp_path / "bad.py"), write=True) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert (tmp_path / "bad.py").read_text() == "import keras\nx = (\n"
    assert migrate(str(tmp_path / "nothing.py")) == 2


def test_the_command() -> None:
    program = f"import sys; sys.path.insert(0, {str(HOUSE)!r}); from gpudl.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", program, "migrate", str(SCRIPTS[0])], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "+from gpudl.layers import Activation, Dense, Dropout" in done.stdout
