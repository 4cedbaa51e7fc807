# The families of CUDA kernels: one file each, compiled by nvcc for _cuda and by the host compiler for its emulation.
set(GPUDL_CUDA_SOURCES
  activation.cu
)
