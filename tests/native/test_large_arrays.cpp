// Runs the last blocks of elementwise and sorting kernels over arrays of more than 2^31 elements, under emulation. The arrays are address
// space: only the pages that are touched become memory. Prints what is wrong; exits with 77 where the system does not give so much of it.
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

#include <gpudl/comparison.h>

#include "../../csrc/cuda/copy.cu"
#include "../../csrc/cuda/sorting.cu"

using namespace gpudl;

static int failures = 0;

struct Array {
    std::vector<int64_t> shape, strides;
    TensorView view;
    size_t bytes;
    // dense, or with strides in elements
    Array(char dtype, std::vector<int64_t> n, std::vector<int64_t> steps = {}) : shape(n), strides(steps) {
        int64_t size = 1;
        for (int64_t m : shape) size *= m;
        if (strides.empty()) {
            int64_t step = 1;
            strides.resize(n.size());
            for (size_t d = n.size(); d-- > 0; step *= n[d]) strides[d] = step;
        }
        for (int64_t& s : strides) s *= itemsize(dtype);
        bytes = size_t(size * itemsize(dtype)) + 64;
        void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (data == MAP_FAILED) {
            std::printf("no address space for %zu bytes\n", bytes);
            std::exit(77);
        }
        view = {data, shape.data(), strides.data(), int(shape.size()), dtype, false};
        view.dense = is_contiguous(view, itemsize(dtype));
    }
    Array(const Array&) = delete;
    ~Array() { munmap(view.data, bytes); }
    template <class T> T& at(int64_t i) { return view.as<T>()[i]; }
};

static void expect(bool right, const char* what, int64_t i) {
    if (right) return;
    if (failures++ < 20) std::printf("%s: element %lld is wrong\n", what, (long long)i);
}

constexpr int64_t large = int64_t(1) << 31;

static void flat_packets() {
    const int64_t n = large + 7;  // a tail of 3
    Array y('f', {n}), a('f', {}), b('f', {1});
    a.at<float>(0) = 2;
    b.at<float>(0) = 3;
    using M = elementwise::Map<Add, float, float, float>;
    const Layout<3> seen = describe<3>({&y.view, &a.view, &b.view}).packets(4);
    const int64_t first = seen.size - 600;
    launch<elementwise::packets_kernel<Add, M::width, M::together, float, float, float>>({3, elementwise::threads}, seen, first, 3, Add{});
    for (int64_t i = 4 * first; i < n; i++) expect(y.at<float>(i) == 5, "flat_packets", i);
    expect(y.at<float>(4 * first - 1) == 0, "flat_packets", 4 * first - 1);
}

static void row_packets() {
    const int64_t rows = large / 8 + 3;
    Array y('f', {rows, 8}), row('f', {8}), column('f', {rows, 1});
    for (int64_t j = 0; j < 8; j++) row.at<float>(j) = float(j);
    for (int64_t i = rows - 400; i < rows; i++) column.at<float>(i) = float(10 * (rows - i));
    using M = elementwise::Map<Subtract, float, float, float>;
    const Layout<3> seen = describe<3>({&y.view, &column.view, &row.view}).packets(4);
    const int64_t first = seen.size - 700;
    launch<elementwise::packets_kernel<Subtract, M::width, M::together, float, float, float>>({2, elementwise::threads}, seen, first, 0,
                                                                                              Subtract{});
    for (int64_t i = rows - 350; i < rows; i++) {
        for (int64_t j = 0; j < 8; j++) expect(y.at<float>(8 * i + j) == float(10 * (rows - i) - j), "row_packets", 8 * i + j);
    }
}

static void strided() {
    const int64_t rows = large + 9;
    Array y('?', {rows, 3}), x('b', {rows, 1});
    for (int64_t i = rows - 300; i < rows; i++) x.at<int8_t>(i) = int8_t(i % 2);
    const Layout<2> layout = describe<2>({&y.view, &x.view});
    const int64_t first = layout.size - 700;
    launch<elementwise::strided_kernel<LogicalNot, erased::Truth, erased::Integer>>({3, elementwise::threads}, layout, first, LogicalNot{});
    for (int64_t i = layout.size - 700; i < layout.size; i++) expect(y.at<bool>(i) == (i / 3 % 2 == 0), "strided", i);
    expect(!y.at<bool>(layout.size - 701), "strided", layout.size - 701);
}

static void transposed() {
    const int64_t rows = large / 32 + 5, columns = 40;  // x is (columns, rows)
    Array y('B', {rows, columns}), x('B', {rows, columns}, {1, rows});
    for (int64_t r = rows - 100; r < rows; r++) {
        for (int64_t c = 0; c < columns; c++) x.at<uint8_t>(c * rows + r) = uint8_t(r * 3 + c);
    }
    const elementwise::Problem<Same, 2> problem{describe<2>({&y.view, &x.view}), Same{}};
    if (Copy<uint8_t>::not_transposed(problem, Device{})) expect(false, "transposed is not a candidate", 0);
    const Tiles tiles = tiles_of(problem.layout, Copy<uint8_t>::row_axis(problem.layout));
    const int64_t first = tiles.layout.size - 4;
    launch<transpose_kernel<uint8_t>>({4, elementwise::threads}, tiles, first);
    for (int64_t r = rows - 32 - rows % 32 + 1; r < rows; r++) {
        for (int64_t c = 0; c < columns; c++) expect(y.at<uint8_t>(r * columns + c) == uint8_t(r * 3 + c), "transposed", r * columns + c);
    }
}

// The last line of so many, along an axis with others behind it and along the last one.
static void sorted(int64_t outer, int64_t n, int64_t inner) {
    Array x('h', {outer, n, inner}), values('h', {outer, n, inner}), order('i', {outer, n, inner});
    const int64_t lines = outer * inner, start = (outer - 1) * n * inner + inner - 1;
    for (int64_t i = 0; i < n; i++) x.at<int16_t>(start + i * inner) = int16_t(n - i);
    const Lines p{x.view.as<const char>(), values.view.as<char>(), order.view.as<int32_t>(), 'h', 2, false, n, inner, n,
                  bitonic::padded(n)};
    std::vector<bitonic::Item> pairs(size_t(p.padded));
    launch<keys_simple_kernel>({blocks_for(p.padded), 256}, p, pairs.data(), lines - 1, int64_t(1));
    bitonic::sort(pairs.data(), p.padded, 1, nullptr);
    launch<results_simple_kernel>({blocks_for(n), 256}, p, pairs.data(), lines - 1, int64_t(1));
    for (int64_t i = 0; i < n; i++) {
        expect(values.at<int16_t>(start + i * inner) == i + 1, "sorted", start + i * inner);
        expect(order.at<int32_t>(start + i * inner) == n - 1 - i, "order", start + i * inner);
    }
}

int main() {
    flat_packets();
    row_packets();
    strided();
    transposed();
    sorted(large / 300 + 9, 300, 1);
    sorted(3, 300, large / 600);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
