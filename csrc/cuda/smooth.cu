// Computes sigmoid, tanh, softplus, elu and their kin with their gradients on the GPU; threads and elements as elementwise.cuh says.
#include <cmath>

#include <gpudl/smooth.h>

#include "families.cuh"

namespace gpudl {

GPUDL_FLOATS_1(sigmoid, "", Sigmoid{})
GPUDL_FLOATS_2(sigmoid_grad, "", SigmoidGrad{})
GPUDL_FLOATS_1(tanh, "", Tanh{})
GPUDL_FLOATS_2(tanh_grad, "", TanhGrad{})
GPUDL_FLOATS_1(tanh_shrink, "", TanhShrink{})
GPUDL_FLOATS_2(tanh_shrink_grad, "", TanhShrinkGrad{})
GPUDL_FLOATS_1(softplus, "", Softplus{})
GPUDL_FLOATS_2(softplus_grad, "", SoftplusGrad{})
GPUDL_FLOATS_1(log_sigmoid, "", LogSigmoid{})
GPUDL_FLOATS_2(log_sigmoid_grad, "", LogSigmoidGrad{})
GPUDL_FLOATS_1(squareplus, " ; r", (Squareplus{attrs[0].real, std::sqrt(attrs[0].real)}))
GPUDL_FLOATS_2(squareplus_grad, " ; r", (SquareplusGrad{attrs[0].real, std::sqrt(attrs[0].real)}))
GPUDL_FLOATS_1(softsign, "", Softsign{})
GPUDL_FLOATS_2(softsign_grad, "", SoftsignGrad{})
GPUDL_FLOATS_1(elu, " ; r r r", (Elu{attrs[0].real, attrs[1].real, attrs[2].real}))
GPUDL_FLOATS_2(elu_grad, " ; r r r", (EluGrad{attrs[0].real, attrs[1].real, attrs[2].real}))

}  // namespace gpudl
