"""Written into a package whose native build failed: a pure install was made instead."""

KIND = "failed"
CUDA = "failed: the native build failed"
