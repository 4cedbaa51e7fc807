"""Compute with tensors: the names of `keras.ops`, one file per family. A file holds an op's record, meaning and gradient."""

from __future__ import annotations

from .activation import *  # noqa: F403
from .adaptive import *  # noqa: F403
from .averaging import *  # noqa: F403
from .batch import *  # noqa: F403
from .comparison import *  # noqa: F403
from .convolution import *  # noqa: F403
from .counting import *  # noqa: F403
from .create import *  # noqa: F403
from .crossentropy import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .find import *  # noqa: F403
from .fused import *  # noqa: F403
from .gated import *  # noqa: F403
from .gather import *  # noqa: F403
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .layernorm import *  # noqa: F403
from .layerwise import *  # noqa: F403
from .linalg import *  # noqa: F403
from .loss import *  # noqa: F403
from .magnitude import *  # noqa: F403
from .mathematics import *  # noqa: F403
from .metric import *  # noqa: F403
from .movement import *  # noqa: F403
from .normalization import *  # noqa: F403
from .normalization_act import *  # noqa: F403
from .optim import *  # noqa: F403
from .optim_fused import *  # noqa: F403
from .pool import *  # noqa: F403
from .powers import *  # noqa: F403
from .random import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .reduce import *  # noqa: F403
from .scan import *  # noqa: F403
from .scattering import *  # noqa: F403
from .smooth import *  # noqa: F403
from .softmaxes import *  # noqa: F403
from .sorting import *  # noqa: F403
from .stepping import *  # noqa: F403
from .trigonometry import *  # noqa: F403
