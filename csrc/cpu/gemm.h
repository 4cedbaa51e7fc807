// Multiplies matrices: C = A B for any strides, blocked for the caches, with the panels of both operands packed where that pays.
//
// A micro-kernel holds `tall` rows times one or two vectors of columns of C in registers. It reads A along rows (a[i][k], copied with a
// padded stride, so that rows do not meet in one set of the cache) or down columns (a[k][i]), and B in panels [k][columns]. Each element of
// C is summed over k in an order that depends on k alone: threads share C, never a sum.
#pragma once
#include <gpudl/kernel.h>

#include "threads.h"

namespace gpudl {
namespace cpu {

template <class C> struct Matrix {
    C* data;
    int64_t row, column;  // strides in elements

    C* at(int64_t i, int64_t j) const { return data + i * row + j * column; }
    Matrix block(int64_t i, int64_t j) const { return {at(i, j), row, column}; }
    Matrix turned() const { return {data, column, row}; }
};

struct Sizes {
    int64_t m, n, k;
};

namespace tiles {

#if defined(__AVX512F__)
constexpr int bytes = 64, tall = 14;
#elif defined(__AVX__)
constexpr int bytes = 32, tall = 6;
#else
constexpr int bytes = 16, tall = 6;
#endif

template <class C> struct RegisterOf {
    typedef C Type __attribute__((vector_size(bytes), aligned(sizeof(C)), may_alias));
};
template <class C> using Register = typename RegisterOf<C>::Type;
template <class C> constexpr int lanes = bytes / int(sizeof(C));
template <class C> constexpr int wide = 2 * lanes<C>;  // columns of a panel

// c[i][j] (+)= the sum over k of a[i][k] b[k][j], for `rows` rows and `vectors` vectors of columns. by_rows: a[i * as + k], else a[k * as + i].
template <class C, int rows, int vectors, bool by_rows>
inline void multiply(int64_t k, const C* a, int64_t as, const C* b, int64_t bs, C* c, int64_t cs, bool add) {
    using R = Register<C>;
    R sum[rows][vectors];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) sum[i][j] = R{};
    }
    for (int64_t at = 0; at < k; at++) {
        R right[vectors];
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) right[j] = *reinterpret_cast<const R*>(b + j * lanes<C>);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const C left = by_rows ? a[i * as] : a[i];
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) sum[i][j] += left * right[j];
        }
        a += by_rows ? 1 : as;
        b += bs;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
            R* to = reinterpret_cast<R*>(c + i * cs + j * lanes<C>);
            *to = add ? *to + sum[i][j] : sum[i][j];
        }
    }
}

template <class C> using Multiply = void (*)(int64_t, const C*, int64_t, const C*, int64_t, C*, int64_t, bool);

template <class C, int vectors, bool by_rows, int rows = tall> Multiply<C> kernel_for(int wanted) {
    if (wanted == rows) return multiply<C, rows, vectors, by_rows>;
    if constexpr (rows > 1) return kernel_for<C, vectors, by_rows, rows - 1>(wanted);
    return nullptr;
}
template <class C> Multiply<C> kernel_for(int rows, int vectors, bool by_rows) {
    if (vectors == 2) return by_rows ? kernel_for<C, 2, true>(rows) : kernel_for<C, 2, false>(rows);
    return by_rows ? kernel_for<C, 1, true>(rows) : kernel_for<C, 1, false>(rows);
}

// to[i][j] = from[j][i] for a square as wide as 16 bytes
template <class C> inline void turn(const C* from, int64_t from_row, C* to, int64_t to_row) {
    typedef C Four __attribute__((vector_size(16), aligned(sizeof(C)), may_alias));
    if constexpr (sizeof(C) == 4) {
#ifdef __clang__
#define GPUDL_PICK(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
        typedef int Places __attribute__((vector_size(16)));
#define GPUDL_PICK(a, b, i, j, k, l) __builtin_shuffle(a, b, Places{i, j, k, l})
#endif
        const auto in = [&](int64_t j) { return *reinterpret_cast<const Four*>(from + j * from_row); };
        const Four a = in(0), b = in(1), c = in(2), d = in(3);
        const Four ab = GPUDL_PICK(a, b, 0, 4, 1, 5), cd = GPUDL_PICK(c, d, 0, 4, 1, 5);
        const Four ab2 = GPUDL_PICK(a, b, 2, 6, 3, 7), cd2 = GPUDL_PICK(c, d, 2, 6, 3, 7);
        *reinterpret_cast<Four*>(to) = GPUDL_PICK(ab, cd, 0, 1, 4, 5);
        *reinterpret_cast<Four*>(to + to_row) = GPUDL_PICK(ab, cd, 2, 3, 6, 7);
        *reinterpret_cast<Four*>(to + 2 * to_row) = GPUDL_PICK(ab2, cd2, 0, 1, 4, 5);
        *reinterpret_cast<Four*>(to + 3 * to_row) = GPUDL_PICK(ab2, cd2, 2, 3, 6, 7);
#undef GPUDL_PICK
    } else {
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 2; j++) to[i * to_row + j] = from[j * from_row + i];
        }
    }
}

// b[k][columns] as a panel: to[k * width + j], zeros behind the last column.
template <class C> void pack_panel(const Matrix<const C>& b, int64_t k, int64_t columns, int64_t width, C* to) {
    if (b.column == 1) {
        for (int64_t i = 0; i < k; i++, to += width) {
            const C* from = b.data + i * b.row;
            if (columns == width) {
                for (int64_t j = 0; j < width; j++) to[j] = from[j];
            } else {
                for (int64_t j = 0; j < columns; j++) to[j] = from[j];
                for (int64_t j = columns; j < width; j++) to[j] = C(0);
            }
        }
        return;
    }
    int64_t i = 0;
    if (b.row == 1 && columns == width) {  // squares of four (two doubles) are turned in registers
        constexpr int side = 16 / int(sizeof(C));
        for (; i + side <= k; i += side) {
            for (int64_t j = 0; j < width; j += side) turn<C>(b.data + i + j * b.column, b.column, to + i * width + j, width);
        }
    }
    for (; i < k; i++) {
        for (int64_t j = 0; j < width; j++) to[i * width + j] = j < columns ? *b.at(i, j) : C(0);
    }
}

// c (+)= a tile of `rows` times `columns`
template <class C> void put(const C* tile, int64_t width, int64_t rows, int64_t columns, const Matrix<C>& c, bool add) {
    if (c.column == 1) {
        for (int64_t x = 0; x < rows; x++) {
            C* to = c.at(x, 0);
            for (int64_t y = 0; y < columns; y++) to[y] = add ? to[y] + tile[x * width + y] : tile[x * width + y];
        }
        return;
    }
    for (int64_t y = 0; y < columns; y++) {
        for (int64_t x = 0; x < rows; x++) {
            C* to = c.at(x, y);
            *to = add ? *to + tile[x * width + y] : tile[x * width + y];
        }
    }
}

// Rows of A: to[i * stride + k], or to[k * stride + i] if A lies column by column.
template <class C> void pack_rows(const Matrix<const C>& a, int64_t m, int64_t k, bool by_rows, int64_t stride, C* to) {
    if (by_rows) {
        for (int64_t i = 0; i < m; i++) {
            const C* from = a.data + i * a.row;
            if (a.column == 1) {
                for (int64_t j = 0; j < k; j++) to[i * stride + j] = from[j];
            } else {
                for (int64_t j = 0; j < k; j++) to[i * stride + j] = from[j * a.column];
            }
        }
        return;
    }
    for (int64_t j = 0; j < k; j++) {
        for (int64_t i = 0; i < m; i++) to[j * stride + i] = a.data[i + j * a.column];
    }
}

}  // namespace tiles

// Where the rows of A come from: a matrix, or whatever packs as one (the windows of an image).
template <class C> struct FromMatrix {
    Matrix<const C> a;
    bool by_rows() const { return a.row != 1 || a.column == 1; }
    // Rows first … first + m, columns from … from + k; `stride` as pack_rows has it.
    void pack(int64_t first, int64_t m, int64_t from, int64_t k, int64_t stride, C* to) const {
        tiles::pack_rows(a.block(first, from), m, k, by_rows(), stride, to);
    }
    // Whether the micro-kernel may read the matrix itself. Rows a power of two apart would meet in one set of the cache.
    bool in_place() const { return by_rows() ? a.column == 1 && a.row * int64_t(sizeof(C)) % 4096 != 0 : a.row == 1; }
    const C* at(int64_t first, int64_t from) const { return a.at(first, from); }
    int64_t stride() const { return by_rows() ? a.row : a.column; }
};

// C (+)= A B. C's columns must lie one after another unless `c.row` is 1.
template <class C, class Rows> void gemm(const Sizes& s, const Rows& a, const Matrix<const C>& b, const Matrix<C>& c, bool add) {
    using namespace tiles;
    if (s.m == 0 || s.n == 0) return;
    if (s.k == 0) {  // sums of nothing
        for (int64_t i = 0; i < (add ? 0 : s.m); i++) {
            for (int64_t j = 0; j < s.n; j++) *c.at(i, j) = C(0);
        }
        return;
    }
    constexpr int64_t most_k = 384, most_m = tall * 16, most_n = 4096;
    const int vectors = s.n <= lanes<C> ? 1 : 2;
    const int64_t width = vectors * lanes<C>;
    const bool by_rows = a.by_rows(), direct = c.column == 1;
    const bool b_in_place = b.column == 1 && s.m <= 2 * tall;  // each panel is read once or twice: copying it would not pay
    const bool a_in_place = s.n <= 4 * width && a.in_place();
    const int threads = s.m * s.n * s.k < (1 << 20) ? 1 : gpudl_cpu_threads();
    const int64_t cuts = (s.k + most_k - 1) / most_k, depth = (s.k + cuts - 1) / cuts;
    for (int64_t jc = 0; jc < s.n; jc += most_n) {
        const int64_t nc = s.n - jc < most_n ? s.n - jc : most_n, panels = (nc + width - 1) / width;
        for (int64_t pc = 0; pc < s.k; pc += depth) {
            const int64_t kc = s.k - pc < depth ? s.k - pc : depth;
            const bool more = add || pc > 0;
            C* packed = scratch<C>(Slot::right, panels * width * kc);
            const auto whole = [&](int64_t j) { return nc - j * width >= width; };
            const auto pack = [&](int64_t j) {
                if (b_in_place && whole(j)) return;
                const int64_t columns = whole(j) ? width : nc - j * width;
                pack_panel<C>(b.block(pc, jc + j * width), kc, columns, width, packed + j * width * kc);
            };
            if (threads > 1) in_pieces(panels, pack);
            else
                for (int64_t j = 0; j < panels; j++) pack(j);

            int64_t mc = s.m < most_m ? s.m : most_m, groups = 1;
            if (threads > 1 && s.m < 2 * threads * most_m) {  // every thread shall have work
                mc = (s.m + 2 * threads - 1) / (2 * threads);
                mc = (mc + tall - 1) / tall * tall;
                mc = mc < 2 * tall ? 2 * tall : mc > most_m ? most_m : mc;
            }
            const int64_t blocks = (s.m + mc - 1) / mc;
            if (threads > 1) {
                while (blocks * groups < 3 * threads && groups < panels) groups++;
            }
            const auto work = [&](int64_t task) {
                const int64_t ic = task / groups * mc, group = task % groups, m = s.m - ic < mc ? s.m - ic : mc;
                const int64_t stride = a_in_place ? a.stride() : by_rows ? kc + 16 : m;
                const C* left = a_in_place ? a.at(ic, pc) : nullptr;
                if (!a_in_place) {
                    C* to = scratch<C>(Slot::left, (by_rows ? m : kc) * stride);
                    a.pack(ic, m, pc, kc, stride, to);
                    left = to;
                }
                C edge[tall * wide<C>];
                for (int64_t j = panels * group / groups; j < panels * (group + 1) / groups; j++) {
                    const C* panel = b_in_place && whole(j) ? b.at(pc, jc + j * width) : packed + j * width * kc;
                    const int64_t bs = b_in_place && whole(j) ? b.row : width, columns = whole(j) ? width : nc - j * width;
                    for (int64_t i = 0; i < m; i += tall) {
                        const int rows = int(m - i < tall ? m - i : tall);
                        const auto run = kernel_for<C>(rows, vectors, by_rows);
                        const C* from = left + i * (by_rows ? stride : 1);
                        if (direct && whole(j)) {
                            run(kc, from, stride, panel, bs, c.at(ic + i, jc + j * width), c.row, more);
                            continue;
                        }
                        run(kc, from, stride, panel, bs, edge, width, false);
                        put<C>(edge, width, rows, columns, c.block(ic + i, jc + j * width), more);
                    }
                }
            };
            if (threads > 1) in_pieces(blocks * groups, work);
            else
                for (int64_t task = 0; task < blocks * groups; task++) work(task);
        }
    }
}

// A B for matrices of any strides. Where B lies column by column and has many more columns than A has rows, C's transpose is computed: then
// it is A, the smaller one, whose panels must be turned. The same where A has its columns in memory and C few: they would not fill a vector.
template <class C> void gemm(const Sizes& s, const Matrix<const C>& a, const Matrix<const C>& b, const Matrix<C>& c, bool add = false) {
    const bool turned_b = b.column != 1 && b.row == 1 && 4 * s.m < s.n, few_columns = a.row == 1 && s.n <= tiles::tall && 4 * s.n < s.m;
    if (turned_b || few_columns) gemm<C>({s.n, s.m, s.k}, FromMatrix<C>{b.turned()}, a.turned(), c.turned(), add);
    else gemm<C>(s, FromMatrix<C>{a}, b, c, add);
}

}  // namespace cpu
}  // namespace gpudl
