// Lets gemm.h read the windows of images as rows of a matrix, without making that matrix: only what a block needs is copied, zeros around.
#pragma once
#include <cstring>

#include "gemm.h"

namespace gpudl {
namespace cpu {

// Images (N, H, W, pixel), of whose pixels c numbers belong to this matrix; windows (N, P, Q) of R x S taps.
template <class C> struct Windows {
    const C* images;
    int64_t h, w, pixel, c;
    int64_t p, q, r, s;
    int64_t stride_h, stride_w, top, left, dilation_h, dilation_w;
    bool turned;  // windows are the columns, down which the sums go, and taps the rows

    int64_t length() const { return r * s * c; }
    bool by_rows() const { return !turned; }
    bool in_place() const { return false; }
    const C* at(int64_t, int64_t) const { return nullptr; }
    int64_t stride() const { return 0; }

    void pack(int64_t first, int64_t m, int64_t from, int64_t k, int64_t stride, C* to) const {
        if (turned) copy(from, k, first, m, stride, to);
        else copy(first, m, from, k, stride, to);
    }

private:
    static void fill(C* to, const C* from, int64_t n) {
        if (n < 32) {
            for (int64_t i = 0; i < n; i++) to[i] = from[i];
        } else {
            std::memcpy(to, from, size_t(n) * sizeof(C));
        }
    }
    static void clear(C* to, int64_t n) {
        for (int64_t i = 0; i < n; i++) to[i] = C(0);
    }

    // Numbers begin … begin + n of `count` windows from `first` on, a window every `stride`.
    void copy(int64_t first, int64_t count, int64_t begin, int64_t n, int64_t stride, C* to) const {
        int64_t column = first % q, row = first / q % p, image = first / q / p;
        const bool dense = dilation_w == 1 && c == pixel;
        const int64_t line = s * c, end = begin + n;
        for (int64_t i = 0; i < count; i++, to += stride) {
            const int64_t x = column * stride_w - left;
            for (int64_t a = begin / line; a * line < end; a++) {  // the tap rows that are asked for
                const int64_t y = row * stride_h - top + a * dilation_h, low = a * line > begin ? a * line : begin;
                const int64_t high = (a + 1) * line < end ? (a + 1) * line : end;
                C* into = to + (low - begin);
                if (y < 0 || y >= h) {
                    clear(into, high - low);
                    continue;
                }
                const C* source = images + (image * h + y) * w * pixel;
                if (dense) line_of(source, x, low - a * line, high - a * line, into);
                else taps_of(source, x, low - a * line, high - a * line, into);
            }
            if (++column == q) {
                column = 0;
                if (++row == p) {
                    row = 0;
                    image++;
                }
            }
        }
    }

    // Numbers low … high of a line of taps that lie one after another from column x on.
    void line_of(const C* source, int64_t x, int64_t low, int64_t high, C* into) const {
        const int64_t first = -x * c, last = (w - x) * c;  // what lies inside the image
        int64_t from = low > first ? low : first, to = high < last ? high : last;
        if (from > high) from = high;
        if (to < from) to = from;
        clear(into, from - low);
        fill(into + (from - low), source + x * c + from, to - from);
        clear(into + (to - low), high - to);
    }
    void taps_of(const C* source, int64_t x, int64_t low, int64_t high, C* into) const {
        for (int64_t b = low / c; b * c < high; b++) {
            const int64_t column = x + b * dilation_w, begin = b * c > low ? b * c : low, end = (b + 1) * c < high ? (b + 1) * c : high;
            if (column < 0 || column >= w) clear(into + (begin - low), end - begin);
            else fill(into + (begin - low), source + column * pixel + (begin - b * c), end - begin);
        }
    }
};

}  // namespace cpu
}  // namespace gpudl
