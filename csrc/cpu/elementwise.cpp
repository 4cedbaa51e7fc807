// Brings the elements of any operands to the loops of elementwise.h, block by block, on several threads where there are many.
#include "elementwise.h"

#include "buffers.h"
#include "threads.h"

namespace gpudl {
namespace cpu {
namespace {

constexpr int64_t block = 512;      // elements of a buffer
constexpr int64_t short_axis = 64;  // below this, rows are brought together in a buffer

template <int operands> class Walk {
public:
    Walk(const Mapping& mapping, const Layout<operands>& layout) : mapping_(mapping), layout_(layout) {
        const int last = layout.ndim - 1;
        const bool together = layout.ndim > 1 && layout.shape[last] < short_axis;
        span_ = together ? layout.size : layout.shape[last];
        unit_ = together ? block / layout.shape[last] * layout.shape[last] : block;
        for (int k = 0; k < operands; k++) {
            const char computed = k == 0 ? mapping.y : mapping.x[k - 1];
            const int64_t item = itemsize(layout.dtype[k]);
            bool flat = true, periodic = true;
            for (int64_t d = last, expected = item; d >= 0; expected *= layout.shape[d--]) flat = flat && layout.stride[k][d] == expected;
            for (int d = 0; d < last; d++) periodic = periodic && layout.stride[k][d] == 0;
            step_[k] = together && flat ? item : layout.stride[k][last];
            scattered_[k] = together && !flat;
            repeats_[k] = together ? !flat && periodic : step_[k] == 0;
            direct_[k] = !scattered_[k] && step_[k] == item && layout.dtype[k] == computed;
            buffered_ = buffered_ || !direct_[k];
            if (!direct_[k]) copy_[k] = k == 0 ? storing(layout.dtype[k]) : loading(layout.dtype[k]);
        }
    }

    int64_t unit() const { return unit_; }

    void run(int64_t begin, int64_t end) const {
        alignas(64) double buffers[operands][block];
        const char* held[operands] = {};  // what a buffer of repeated elements was filled from
        for (int64_t i = begin, n; i < end; i += n) {
            n = span_ - i % span_ < end - i ? span_ - i % span_ : end - i;
            if (buffered_ && n > unit_) n = unit_;
            int64_t offsets[operands];
            layout_.offsets_at(i, offsets);
            const void* x[operands];
            for (int k = 1; k < operands; k++) {
                const char* from = layout_.data[k] + offsets[k];
                x[k] = direct_[k] ? static_cast<const void*>(from) : buffers[k];
                if (direct_[k] || (repeats_[k] && held[k] == from)) continue;
                if (scattered_[k]) gather(k, i, repeats_[k] ? unit_ : n, buffers[k]);
                else copy_[k](buffers[k], from, step_[k], repeats_[k] ? (unit_ < span_ ? unit_ : span_) : n);
                held[k] = repeats_[k] ? from : nullptr;
            }
            char* to = layout_.data[0] + offsets[0];
            mapping_.loop(mapping_.functor, n, direct_[0] ? to : static_cast<void*>(buffers[0]), x + 1);
            if (!direct_[0]) copy_[0](to, reinterpret_cast<const char*>(buffers[0]), 0, n);
        }
    }

private:
    void gather(int k, int64_t i, int64_t n, double* buffer) const {
        const int64_t inner = layout_.shape[layout_.ndim - 1], item = itemsize(mapping_.x[k - 1]);
        char* to = reinterpret_cast<char*>(buffer);
        for (int64_t done = 0, m; done < n; done += m) {
            const int64_t at = i + done < layout_.size ? i + done : (i + done) % inner;  // a buffer that repeats is filled whole
            m = inner - at % inner < n - done ? inner - at % inner : n - done;
            int64_t offsets[operands];
            layout_.offsets_at(at, offsets);
            copy_[k](to + done * item, layout_.data[k] + offsets[k], step_[k], m);
        }
    }

    const Mapping& mapping_;
    const Layout<operands>& layout_;
    int64_t span_, unit_, step_[operands];
    Copy copy_[operands] = {};
    bool direct_[operands], scattered_[operands], repeats_[operands], buffered_ = false;
};

template <int operands> void walk(const Mapping& mapping, const TensorView* const (&views)[operands]) {
    if (views[0]->size() == 0) return;
    const Layout<operands> layout = describe(views);
    const Walk<operands> all(mapping, layout);
    in_ranges(layout.size, worth_sharing / mapping.weight, all.unit(), [&](int64_t begin, int64_t end) { all.run(begin, end); });
}

}  // namespace

void map(const Mapping& mapping, const TensorView& y, const TensorView& a) { walk<2>(mapping, {&y, &a}); }
void map(const Mapping& mapping, const TensorView& y, const TensorView& a, const TensorView& b) { walk<3>(mapping, {&y, &a, &b}); }
void map(const Mapping& mapping, const TensorView& y, const TensorView& a, const TensorView& b, const TensorView& c) {
    walk<4>(mapping, {&y, &a, &b, &c});
}

}  // namespace cpu
}  // namespace gpudl
