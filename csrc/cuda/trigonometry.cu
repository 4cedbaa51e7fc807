// Computes trigonometric and hyperbolic functions and their gradients on the GPU; threads and elements as elementwise.cuh says.
#include <gpudl/trigonometry.h>

#include "families.cuh"

namespace gpudl {

GPUDL_FLOATS_1(sin, "", Sin{})
GPUDL_FLOATS_2(sin_grad, "", SinGrad{})
GPUDL_FLOATS_1(cos, "", Cos{})
GPUDL_FLOATS_2(cos_grad, "", CosGrad{})
GPUDL_FLOATS_1(tan, "", Tan{})
GPUDL_FLOATS_2(tan_grad, "", TanGrad{})
GPUDL_FLOATS_1(arcsin, "", Arcsin{})
GPUDL_FLOATS_2(arcsin_grad, "", ArcsinGrad{})
GPUDL_FLOATS_1(arccos, "", Arccos{})
GPUDL_FLOATS_2(arccos_grad, "", ArccosGrad{})
GPUDL_FLOATS_1(arctan, "", Arctan{})
GPUDL_FLOATS_2(arctan_grad, "", ArctanGrad{})
GPUDL_FLOATS_1(sinh, "", Sinh{})
GPUDL_FLOATS_2(sinh_grad, "", SinhGrad{})
GPUDL_FLOATS_1(cosh, "", Cosh{})
GPUDL_FLOATS_2(cosh_grad, "", CoshGrad{})
GPUDL_FLOATS_1(arcsinh, "", Arcsinh{})
GPUDL_FLOATS_2(arcsinh_grad, "", ArcsinhGrad{})
GPUDL_FLOATS_1(arccosh, "", Arccosh{})
GPUDL_FLOATS_2(arccosh_grad, "", ArccoshGrad{})
GPUDL_FLOATS_1(arctanh, "", Arctanh{})
GPUDL_FLOATS_2(arctanh_grad, "", ArctanhGrad{})
GPUDL_FLOATS_2(arctan2, "", Arctan2{})
GPUDL_FLOATS_3(arctan2_grad, "", Arctan2Grad{})

}  // namespace gpudl
