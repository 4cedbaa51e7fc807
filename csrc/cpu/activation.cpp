// Computes the activations made of straight pieces and their gradients: one pass, one read per input, one write.
#include <gpudl/activation.h>

#include "elementwise.h"

namespace gpudl {

GPUDL_FLOATS_1(relu, "", Relu{})
GPUDL_FLOATS_2(relu_grad, "", ReluGrad{})
GPUDL_FLOATS_1(leaky_relu, " ; r", LeakyRelu{attrs[0].real})
GPUDL_FLOATS_2(leaky_relu_grad, " ; r", LeakyReluGrad{attrs[0].real})
GPUDL_FLOATS_1(hard_tanh, " ; r r", (HardTanh{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_2(hard_tanh_grad, " ; r r", (HardTanhGrad{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_1(hard_sigmoid, " ; r", HardSigmoid{attrs[0].real})
GPUDL_FLOATS_2(hard_sigmoid_grad, " ; r", HardSigmoidGrad{attrs[0].real})
GPUDL_FLOATS_1(hard_silu, "", HardSilu{})
GPUDL_FLOATS_2(hard_silu_grad, "", HardSiluGrad{})
GPUDL_FLOATS_1(threshold, " ; r r", (Threshold{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_2(threshold_grad, " ; r r", (ThresholdGrad{attrs[0].real, attrs[1].real}))
GPUDL_FLOATS_1(hard_shrink, " ; r", HardShrink{attrs[0].real})
GPUDL_FLOATS_2(hard_shrink_grad, " ; r", ShrinkGrad{attrs[0].real})
GPUDL_FLOATS_1(soft_shrink, " ; r", SoftShrink{attrs[0].real})
GPUDL_FLOATS_2(soft_shrink_grad, " ; r", ShrinkGrad{attrs[0].real})

}  // namespace gpudl
