// Copies elements between arrays of any dtype and buffers of the type in which a kernel computes: float for float32 and the 16-bit floats,
// double, bool.
#pragma once
#include <gpudl/dtype.h>

namespace gpudl {
namespace cpu {

using Copy = void (*)(void* to, const char* from, int64_t stride, int64_t n);  // the stride, in bytes, is that of the array

Copy loading(char dtype);  // from an array into a buffer
Copy storing(char dtype);  // from a buffer into an array without gaps

}  // namespace cpu
}  // namespace gpudl
