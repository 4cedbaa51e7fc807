# The families of CUDA kernels: one file each, compiled by nvcc for _cuda and by the host compiler for its emulation.

# Elementwise: each operation is rounded by itself, as on the CPU, without contraction to fused multiply-adds.
set(GPUDL_CUDA_ROUNDED_SOURCES
  activation.cu
  arithmetic.cu
  cast.cu
  comparison.cu
  copy.cu
  create.cu
  extrema.cu
  gated.cu
  mathematics.cu
  powers.cu
  smooth.cu
  trigonometry.cu
)
set(GPUDL_CUDA_SOURCES
  ${GPUDL_CUDA_ROUNDED_SOURCES}
)
