// Runs the CUDA activation kernels under emulation against their definition: every dtype, every tail, pointers that
// are and are not multiples of 16 bytes, and more elements than one grid of threads. Prints what is wrong.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <gpudl/dtype.h>

#include "../../csrc/bindings/kernel_table.h"

using namespace gpudl;

static int failures = 0;
constexpr double slope = 0.3;
constexpr unsigned char untouched = 0xAB;

template <class T> static double expected(const char* name, double a, double b) {
    using C = decltype(wide(T{}));
    double y = 0;
    if (!std::strcmp(name, "relu")) y = a < 0 ? 0 : a;
    if (!std::strcmp(name, "relu_grad")) y = b > 0 ? a : 0;
    if (!std::strcmp(name, "leaky_relu")) y = a > 0 ? a : double(C(a) * C(slope));
    if (!std::strcmp(name, "leaky_relu_grad")) y = b > 0 ? a : double(C(a) * C(slope));
    return double(wide(narrow<T>(C(y))));
}

template <class T> static void check(const char* name, char dtype, int64_t n, int64_t offset) {
    const Variants& variants = table().at(name);
    const int n_ins = int(variants[0].ins.size());
    using C = decltype(wide(T{}));
    std::vector<T> a(size_t(n + offset) + 8), b(a.size());
    std::vector<unsigned char> raw((a.size() + 8) * sizeof(T), untouched);
    for (size_t i = 0; i < a.size(); i++) {
        a[i] = narrow<T>(C(std::sin(double(i) * 0.7) * 3));
        b[i] = narrow<T>(C(std::cos(double(i) * 1.3)));
    }
    if (n > 2) a[size_t(offset)] = narrow<T>(C(NAN));
    T* y = reinterpret_cast<T*>(raw.data()) + offset;
    const int64_t shape[] = {n}, strides[] = {int64_t(sizeof(T))};
    const TensorView out = {y, shape, strides, 1, dtype, true};
    const TensorView ins[] = {{a.data() + offset, shape, strides, 1, dtype, true}, {b.data() + offset, shape, strides, 1, dtype, true}};
    const Scalar attrs[] = {{slope, 0}};
    const Choice choice = choose(variants, &out, 1, ins, n_ins, attrs, variants[0].attrs);
    if (choice.answer != Answer::done) {
        std::printf("%s %c: no kernel\n", name, dtype);
        failures++;
        return;
    }
    choice.entry->kernel(&out, ins, attrs, nullptr);

    bool right = true;
    for (int64_t i = 0; i < n; i++) {
        const double want = expected<T>(name, double(wide(a[size_t(offset + i)])), double(wide(b[size_t(offset + i)])));
        const double got = double(wide(y[i]));
        right &= got == want || (std::isnan(got) && std::isnan(want));
    }
    const auto* bytes = raw.data();
    for (size_t i = 0; i < size_t(offset) * sizeof(T); i++) right &= bytes[i] == untouched;
    for (size_t i = size_t(offset + n) * sizeof(T); i < raw.size(); i++) right &= bytes[i] == untouched;
    if (!right) {
        std::printf("%s %c: n=%lld offset=%lld is wrong\n", name, dtype, (long long)n, (long long)offset);
        failures++;
    }
}

int main() {
    for (const char* name : {"relu", "relu_grad", "leaky_relu", "leaky_relu_grad"}) {
        for (int64_t n = 0; n <= 40; n++) {
            for (int64_t offset = 0; offset <= 3; offset++) {
                check<float>(name, 'f', n, offset);
                check<double>(name, 'd', n, offset);
                check<float16>(name, 'e', n, offset);
                check<bfloat16>(name, 'E', n, offset);
            }
        }
        for (int64_t n : {255, 256, 257, 1023, 1025, 2051, 4097}) {
            check<float>(name, 'f', n, 0);
            check<bfloat16>(name, 'E', n, 1);
        }
    }
    const int64_t more_than_a_grid = 16384 * 256 + 777;  // one element a thread where the pointer is odd
    check<float>("relu", 'f', more_than_a_grid, 1);
    check<double>("leaky_relu_grad", 'd', 2 * (16384 * 256) + 3, 0);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
