// Declares the Hopper tier of convolutions to the table in convolution.cu.
#pragma once
#include "convolution.h"
#include "gemm_sm90.h"

namespace gpudl {

const char* conv_sm90_obstacle(const ConvProblem& p, const Device& device);  // conv_sm90.cu
void launch_conv_sm90(const ConvProblem& p, Stream stream);

namespace sm90 {
// With this plan wherever such a kernel was compiled: bfloat16 alone has other shapes than ping128, phases and parts of k have fewer.
void run_conv(const ConvProblem& p, const Plan& plan, Stream stream);
}  // namespace sm90

}  // namespace gpudl
