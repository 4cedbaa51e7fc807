// Tests where broadcast operands lie: division by multiplication, collapsed axes, offsets beyond 2^31 elements. Prints what is wrong.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <gpudl/layout.h>

using namespace gpudl;

static int failures = 0;
#define EXPECT(condition)                                                                                                                  \
    if (!(condition)) {                                                                                                                    \
        std::printf("line %d: %s\n", __LINE__, #condition);                                                                                \
        failures++;                                                                                                                        \
    }

// An operand of float32 over no memory; strides in elements.
struct Array {
    std::vector<int64_t> shape, strides;
    TensorView view;
    Array(std::vector<int64_t> n, std::vector<int64_t> steps) : shape(n), strides(steps) {
        for (int64_t& s : strides) s *= 4;
        view = {nullptr, shape.data(), strides.data(), int(shape.size()), 'f', false};
        view.dense = is_contiguous(view, 4);
    }
};

static void division() {
    std::mt19937_64 random(1);
    const int64_t most = INT64_MAX;
    std::vector<int64_t> interesting = {1, 2, 3, 5, 6, 7, 9, 10, 641, 1000, 65535, 65536, 65537, 274177, 1 << 20};
    for (int bit = 30; bit < 63; bit++) {
        for (int64_t d : {-2, -1, 0, 1, 2}) interesting.push_back((int64_t(1) << bit) + d);
    }
    interesting.push_back(most - 1);
    interesting.push_back(most);
    for (int i = 0; i < 200; i++) interesting.push_back(int64_t(random() >> (1 + random() % 62)) + 1);
    for (int64_t d : interesting) {
        if (d < 1) continue;
        const Divisor divisor(d);
        EXPECT(divisor.divide(0) == 0);
        for (int64_t n : interesting) {
            for (int64_t near : {n - 1, n, n / d * d, n / d * d - 1}) {
                if (near < 0 || divisor.divide(near) == near / d) continue;
                std::printf("%lld / %lld gives %lld\n", (long long)near, (long long)d, (long long)divisor.divide(near));
                failures++;
            }
        }
    }
}

static void collapsing() {
    const Array y({4, 3, 5}, {15, 5, 1}), same({4, 3, 5}, {15, 5, 1}), row({5}, {1}), column({3, 1}, {1, 7}), one({}, {});
    EXPECT(describe<2>({&y.view, &same.view}).ndim == 1);
    EXPECT(describe<2>({&y.view, &same.view}).shape[0] == 60);
    EXPECT(describe<2>({&y.view, &one.view}).ndim == 1);
    EXPECT(describe<2>({&y.view, &one.view}).step(1) == 0);
    const Layout<2> rows = describe<2>({&y.view, &row.view});
    EXPECT(rows.ndim == 2 && rows.shape[0] == 12 && rows.shape[1] == 5 && rows.step(1) == 1 && rows.stride[1][0] == 0);
    EXPECT(describe<2>({&y.view, &column.view}).ndim == 3);
    const Array transposed({4, 3, 5}, {1, 4, 12});
    EXPECT(describe<2>({&y.view, &transposed.view}).ndim == 3);
    EXPECT(describe<2>({&y.view, &transposed.view}).step(1) == -1);
    const Array dot({1, 1}, {9, 9});
    EXPECT(describe<2>({&dot.view, &one.view}).ndim == 1);
    EXPECT(describe<2>({&dot.view, &one.view}).size == 1);
    const Array mirrored({60}, {-1}), flat({60}, {1});
    EXPECT(describe<2>({&flat.view, &mirrored.view}).step(1) == -1);
    const Layout<2> packets = rows.packets(5);
    EXPECT(packets.size == 12 && packets.shape[1] == 1 && packets.stride[0][1] == 20);
    EXPECT(broadcasts(row.view, y.view) && broadcasts(one.view, y.view) && !broadcasts(y.view, row.view));
    const Array inner({3, 5}, {5, 1}), other({4, 5}, {5, 1});
    EXPECT(broadcasts(inner.view, y.view) && !broadcasts(other.view, y.view));
    TensorView crooked = transposed.view;
    crooked.data = reinterpret_cast<void*>(uintptr_t(2));
    EXPECT(!items_aligned(crooked) && items_aligned(transposed.view));
}

// Offsets by the definition: peel off the axes of the whole shape.
static int64_t offset(const Array& a, const std::vector<int64_t>& shape, int64_t i) {
    int64_t sum = 0;
    for (int d = int(shape.size()) - 1; d >= 0; d--) {
        const int64_t at = i % shape[size_t(d)], own = d - int(shape.size()) + int(a.shape.size());
        i /= shape[size_t(d)];
        if (own >= 0 && a.shape[size_t(own)] != 1) sum += at * a.strides[size_t(own)];
    }
    return sum;
}

static void offsets() {
    const int64_t n = (int64_t(1) << 31) + 11, m = (int64_t(1) << 33) + 5;
    std::mt19937_64 random(2);
    const struct {
        Array y, a, b;
    } all[] = {
        {{{3, n, 2}, {2 * n, 2, 1}}, {{n, 1}, {1, 1}}, {{3, 1, 2}, {2, 2, 1}}},
        {{{m, 7}, {7, 1}}, {{7}, {1}}, {{m, 7}, {1, m}}},
        {{{5, m}, {m, 1}}, {{5, 1}, {3, 1}}, {{m}, {-1}}},
        {{{1, n, 1, 4, 1}, {9, 4, 9, 1, 9}}, {{4, 1}, {1, 1}}, {{n, 1, 1, 1}, {1, 1, 1, 1}}},
        {{{m}, {1}}, {{}, {}}, {{1}, {5}}},
    };
    for (const auto& c : all) {
        const Layout<3> layout = describe<3>({&c.y.view, &c.a.view, &c.b.view});
        EXPECT(layout.size == c.y.view.size());
        for (int trial = 0; trial < 1000; trial++) {
            const int64_t i = trial < 20 ? layout.size - 1 - trial : int64_t(random() % uint64_t(layout.size));
            int64_t found[3];
            layout.offsets_at(i, found);
            EXPECT(found[0] == offset(c.y, c.y.shape, i) && found[1] == offset(c.a, c.y.shape, i) && found[2] == offset(c.b, c.y.shape, i));
        }
    }
}

int main() {
    division();
    collapsing();
    offsets();
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
