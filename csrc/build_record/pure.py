"""Written into a package installed with GPUDL_PURE=1: compiled modules were left out on purpose."""

KIND = "pure"
CUDA = "left out on purpose"
