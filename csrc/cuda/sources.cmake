# The families of CUDA kernels: one file each, compiled by nvcc for _cuda and by the host compiler for its emulation.

# Elementwise, mostly: each operation is rounded by itself, as on the CPU, without contraction to fused multiply-adds.
set(GPUDL_CUDA_ROUNDED_SOURCES
  activation.cu
  arithmetic.cu
  blocks.cu
  cast.cu
  comparison.cu
  copy.cu
  create.cu
  extrema.cu
  gated.cu
  gather.cu
  mathematics.cu
  optimizers.cu
  pooling.cu
  powers.cu
  random.cu
  scatter.cu
  smooth.cu
  sorting.cu
  trigonometry.cu
)
set(GPUDL_CUDA_SOURCES
  ${GPUDL_CUDA_ROUNDED_SOURCES}
  batch_norm.cu
  clip_norms.cu
  crossentropy.cu
  find.cu
  layer_norm.cu
  loss.cu
  metric.cu
  reduce.cu
  reduce_grad.cu
  scan.cu
  softmax.cu
)
