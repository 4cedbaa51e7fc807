// Adds up along axes: sum, mean, the sums of broadcast gradients, and the weighted sum that makes one number of a loss. Axes that lie one
// after another are one (axes.h): of rows each is added up by vectors, of columns the rows are added to one another. Other axes, and
// integers, are left to NumPy.
#include <gpudl/axes.h>

#include "buffers.h"
#include "threads.h"
#include "vectors.h"

namespace gpudl {
namespace {

using namespace cpu;

constexpr int64_t tile = 2048;        // columns taken together
constexpr int64_t part_rows = 64;     // rows added one after another
constexpr int64_t piece_rows = 4096;  // rows that one piece of work adds up

// Numbers of a dense array as C, converted where they have 16 bits.
template <class C> class Reader {
public:
    explicit Reader(const TensorView& x) : x_(x), copy_(x.dtype == 'f' || x.dtype == 'd' ? nullptr : loading(x.dtype)) {}
    const C* at(int64_t i, int64_t n, C* buffer) const {
        if (!copy_) return x_.as<C>() + i;
        copy_(buffer, x_.as<char>() + 2 * i, 2, n);
        return buffer;
    }

private:
    const TensorView& x_;
    Copy copy_;
};

template <class C> void write(const TensorView& y, int64_t i, C value) {
    if (y.dtype == 'd') y.as<double>()[i] = double(value);
    else if (y.dtype == 'f') y.as<float>()[i] = float(value);
    else storing(y.dtype)(y.as<char>() + 2 * i, reinterpret_cast<const char*>(&value), 2, 1);
}

template <class C> C sum_row(const Reader<C>& x, int64_t begin, int64_t n) {
    constexpr int64_t block = 4096;
    C buffer[block];
    C total = C(0);
    for (int64_t i = 0; i < n; i += block) {
        const int64_t m = n - i < block ? n - i : block;
        total += sum_of<C>(m, Numbers<C>{x.at(begin + i, m, buffer)});
    }
    return total;
}

template <class C> void rows(const TensorView& y, const TensorView& x, int64_t outputs, int64_t count, C divisor) {
    const Reader<C> from(x);
    constexpr int64_t piece = 1 << 16;
    const int64_t pieces = (count + piece - 1) / piece;
    if (outputs < 8 && pieces > 1 && pieces <= 4096) {  // few long rows: several pieces of work a row
        for (int64_t out = 0; out < outputs; out++) {
            C part[4096];
            in_pieces(pieces, [&](int64_t k) {
                part[k] = sum_row(from, out * count + k * piece, count - k * piece < piece ? count - k * piece : piece);
            });
            write(y, out, sum_of<C>(pieces, Numbers<C>{part}) / divisor);
        }
        return;
    }
    in_ranges(outputs, worth_sharing / (count + 1) + 1, 1, [&](int64_t begin, int64_t end) {
        for (int64_t out = begin; out < end; out++) write(y, out, sum_row(from, out * count, count) / divisor);
    });
}

// total[j] = the sum of x[r * inner + j] over rows r, for neighbouring columns.
template <class C> void add_rows(const Reader<C>& x, int64_t first, int64_t n, int64_t inner, int64_t width, C* total) {
    C buffer[tile];
    for (int64_t j = 0; j < width; j++) total[j] = C(0);
    for (int64_t begin = 0; begin < n; begin += part_rows) {
        const int64_t end = n - begin < part_rows ? n : begin + part_rows;
        C part[tile];
        for (int64_t j = 0; j < width; j++) part[j] = C(0);
        for (int64_t r = begin; r < end; r++) {
            const C* row = x.at(first + r * inner, width, buffer);
            for (int64_t j = 0; j < width; j++) part[j] += row[j];
        }
        for (int64_t j = 0; j < width; j++) total[j] += part[j];
    }
}

// The same for few columns: as many rows as fill a tile are seen as one.
template <class C> void add_narrow_rows(const Reader<C>& x, int64_t first, int64_t n, int64_t inner, C* total) {
    const int64_t fold = inner < 32 ? 64 / inner : 1, whole = n / fold;
    C sums[tile], last[tile];
    add_rows(x, first, whole, fold * inner, fold * inner, sums);
    add_rows(x, first + whole * fold * inner, n - whole * fold, inner, inner, last);
    for (int64_t j = 0; j < inner; j++) {
        total[j] = last[j];
        for (int64_t k = 0; k < fold; k++) total[j] += sums[k * inner + j];
    }
}

template <class C> void columns(const TensorView& y, const TensorView& x, int64_t outputs, int64_t count, int64_t inner, C divisor) {
    const Reader<C> from(x);
    const int64_t outer = outputs / inner, tiles = (inner + tile - 1) / tile, pieces = (count + piece_rows - 1) / piece_rows;
    constexpr int64_t most_pieces = 16;
    const int64_t each = pieces > most_pieces ? (count + most_pieces - 1) / most_pieces : piece_rows, cut = (count + each - 1) / each;
    const auto work = [&](int64_t o, int64_t t, int64_t k, C* total) {
        const int64_t width = inner - t * tile < tile ? inner - t * tile : tile, n = count - k * each < each ? count - k * each : each;
        const int64_t first = (o * count + k * each) * inner + t * tile;
        if (inner < 32) add_narrow_rows(from, first, n, inner, total);
        else add_rows(from, first, n, inner, width, total);
    };
    const auto finish = [&](int64_t o, int64_t t, const C* total) {
        const int64_t width = inner - t * tile < tile ? inner - t * tile : tile;
        for (int64_t j = 0; j < width; j++) write(y, o * inner + t * tile + j, total[j] / divisor);
    };
    if (outer == 1 && tiles == 1 && cut > 1) {
        static thread_local C parts[most_pieces][tile];
        auto* part = parts;  // the caller's, not that of the thread which runs a piece
        in_pieces(cut, [&](int64_t k) { work(0, 0, k, part[k]); });
        C total[tile];
        for (int64_t j = 0; j < inner; j++) {
            total[j] = part[0][j];
            for (int64_t k = 1; k < cut; k++) total[j] += part[k][j];
        }
        return finish(0, 0, total);
    }
    const int64_t least = worth_sharing / (count * (inner < tile ? inner : tile) + 1) + 1;
    in_ranges(outer * tiles, least, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) {
            C total[tile], more[tile];
            work(i / tiles, i % tiles, 0, total);
            for (int64_t k = 1; k < cut; k++) {
                work(i / tiles, i % tiles, k, more);
                for (int64_t j = 0; j < (inner < tile ? inner : tile); j++) total[j] += more[j];
            }
            finish(i / tiles, i % tiles, total);
        }
    });
}

template <class C> void add_up(const TensorView& y, const TensorView& x, const Axes& axes, bool mean) {
    const C divisor = mean ? C(axes.count) : C(1);
    if (axes.outputs == 0) return;
    if (axes.rows() || axes.count == 0) rows<C>(y, x, axes.outputs, axes.count, divisor);
    else columns<C>(y, x, axes.outputs, axes.count, axes.inner(), divisor);
}

void add_up(const TensorView& y, const TensorView& x, const Axes& axes, bool mean) {
    if (x.dtype == 'd') add_up<double>(y, x, axes, mean);
    else add_up<float>(y, x, axes, mean);
}

bool simple(const Axes& axes) { return axes.rows() || (axes.columns() && axes.inner() <= (1 << 14)); }  // NumPy is faster with longer ones

// The axes along which y has length 1, or that it does not have.
Axes broadcast_axes(const TensorView& y, const TensorView& x) {
    bool goes[max_dims];
    for (int i = 0; i < x.ndim; i++) {
        const int own = i - x.ndim + y.ndim;
        goes[i] = own < 0 || y.shape[own] == 1;
    }
    return axes_of(x, goes);
}

bool sums_to(const TensorView* outs, const TensorView* ins, const Scalar*) {
    const TensorView &y = outs[0], &x = ins[0];
    if (y.ndim > x.ndim) return false;
    for (int i = 1; i <= y.ndim; i++) {
        const int64_t n = y.shape[y.ndim - i];
        if (n != 1 && n != x.shape[x.ndim - i]) return false;
    }
    return simple(broadcast_axes(y, x));
}

bool simple_axes(const TensorView*, const TensorView* ins, const Scalar* attrs) { return simple(reduced_axes(ins[0], attrs)); }

template <class C> struct Products {
    const C *x, *w;
    C operator()(int64_t i) const { return x[i] * w[i]; }
    Vector<C> operator()(int64_t i, Vector<C>) const { return load(x + i) * load(w + i); }
};

template <class C> struct Differences {  // squared
    const C *a, *b;
    C operator()(int64_t i) const { return (a[i] - b[i]) * (a[i] - b[i]); }
    Vector<C> operator()(int64_t i, Vector<C>) const {
        const Vector<C> d = load(a + i) - load(b + i);
        return d * d;
    }
};

template <class C> void mean_squares(const TensorView& y, const TensorView& a, const TensorView& b) {
    const int64_t outputs = y.size(), count = a.shape[a.ndim - 1], block = 2048;
    const Reader<C> left(a), right(b);
    in_ranges(outputs, worth_sharing / (count + 1) + 1, 1, [&](int64_t begin, int64_t end) {
        C first[block], second[block];
        for (int64_t out = begin; out < end; out++) {
            C total = C(0);
            for (int64_t i = 0; i < count; i += block) {
                const int64_t n = count - i < block ? count - i : block, at = out * count + i;
                total += sum_of<C>(n, Differences<C>{left.at(at, n, first), right.at(at, n, second)});
            }
            write(y, out, total / C(count));
        }
    });
}

template <class C> void weighted_sum(const TensorView& y, const TensorView& values, const TensorView& weights, C divisor) {
    const int64_t n = values.size(), block = 4096;
    const bool each = weights.size() == n && weights.ndim > 0;
    const Reader<C> from(values), by(weights);
    C total = C(0), x[block], w[block];
    for (int64_t i = 0; i < n; i += block) {
        const int64_t m = n - i < block ? n - i : block;
        const C* held = from.at(i, m, x);
        total += each ? sum_of<C>(m, Products<C>{held, by.at(i, m, w)}) : sum_of<C>(m, Numbers<C>{held});
    }
    if (!each) total *= *by.at(0, 1, w);
    write(y, 0, total / divisor);
}

}  // namespace

GPUDL_KERNEL_WHEN(sum, "f <- f ; i i* | d <- d ; i i* | e <- e ; i i* | E <- E ; i i*", simple_axes) {
    add_up(outs[0], ins[0], reduced_axes(ins[0], attrs), false);
}
GPUDL_KERNEL_WHEN(mean, "f <- f ; i i* | d <- d ; i i* | e <- e ; i i* | E <- E ; i i*", simple_axes) {
    add_up(outs[0], ins[0], reduced_axes(ins[0], attrs), true);
}
GPUDL_KERNEL_WHEN(sum_to, "f <- f ; i* | d <- d ; i* | e <- e ; i* | E <- E ; i*", sums_to) {
    add_up(outs[0], ins[0], broadcast_axes(outs[0], ins[0]), false);
}

GPUDL_KERNEL(mean_squared_error, "f <- f f | d <- d d | e <- e e | E <- E E") {
    if (ins[0].dtype == 'd') mean_squares<double>(outs[0], ins[0], ins[1]);
    else mean_squares<float>(outs[0], ins[0], ins[1]);
}

// attrs: divisor, and the shape of the values.
GPUDL_KERNEL(weighted_sum, "f <- f f ; r i* | d <- d d ; r i* | e <- e e ; r i* | E <- E E ; r i*") {
    if (ins[0].dtype == 'd') weighted_sum<double>(outs[0], ins[0], ins[1], attrs[0].real);
    else weighted_sum<float>(outs[0], ins[0], ins[1], float(attrs[0].real));
}

}  // namespace gpudl
