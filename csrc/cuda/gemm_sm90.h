// Declares the Hopper tier of matrix products to the table in matmul.cu, and how it chooses.
//
// The choice is a pure function of sizes: it counts 132 multiprocessors (of an H100 or H200) wherever it runs, since the number of parts of
// k decides the order of a sum.
#pragma once
#include "matmul.h"

namespace gpudl {

const char* matmul_sm90_obstacle(const MatmulProblem& p, const Device& device);  // gemm_sm90.cu
void launch_matmul_sm90(const MatmulProblem& p, Stream stream);

namespace sm90 {

enum class Shape { coop256, ping128, coop64, pair256 };  // tiles of 128 x 256, 128 x 128, 128 x 64, 128 x 256 in clusters of two
constexpr const char* shape_names[] = {"coop256", "ping128", "coop64", "pair256"};

struct Plan {
    Shape shape;
    int splits;
    double microseconds;  // by the model
};

// Which shapes there are: pair256 is compiled for bfloat16 alone, coop256 and coop64 not for TT, and parts of k for few of them.
Plan plan_gemm(int64_t m, int64_t n, int64_t k, int64_t batches, bool ta, bool tb, bool bfloat16, int64_t most_splits);

}  // namespace sm90
}  // namespace gpudl
