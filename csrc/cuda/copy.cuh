// Copies and fills views of any strides, whatever their dtype: copy.cu. Other families write parts of their results with these.
#pragma once
#include <gpudl/kernel.h>

namespace gpudl {

// y = x, broadcast; both of one dtype. `name` is what `explain` calls it.
void copy_view(const char* name, const TensorView& y, const TensorView& x, Stream stream);

// Every element of y becomes these low bytes.
void fill_view(const char* name, const TensorView& y, uint64_t bits, Stream stream);

// The bits of a number in a dtype, in the low bytes.
uint64_t bits_of(char dtype, const Scalar& number);

}  // namespace gpudl
