// Turns a refusal of the CUDA runtime into a KernelError: its name, and its reason in words.
#pragma once
#include <cuda_runtime.h>
#include <gpudl/kernel.h>

namespace gpudl {

inline std::string describe(cudaError_t status) { return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status); }

inline void check(cudaError_t status) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // reported here, so nobody else shall find it later and blame another call
    throw KernelError(describe(status));
}

// Launches through the call that returns its own status: unlike `<<<>>>` it cannot pick up an older error of somebody else.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream, Arguments... arguments) {
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(blocks);
    config.blockDim = dim3(threads);
    config.stream = static_cast<cudaStream_t>(stream);
    check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

}  // namespace gpudl
