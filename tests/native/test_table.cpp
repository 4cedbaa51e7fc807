// Checks the kernel table without Python: signatures, `*`, `~`, predicates, attributes, and the three answers. Prints what is wrong.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <gpudl/dtype.h>

#include "../../csrc/bindings/kernel_table.h"

using namespace gpudl;

static int failures = 0;
#define EXPECT(condition)                                                                                                                  \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            std::printf("line %d: not so: %s\n", __LINE__, #condition);                                                                    \
            failures++;                                                                                                                    \
        }                                                                                                                                  \
    } while (0)

static bool long_enough(const TensorView* outs, const TensorView*, const Scalar*) { return outs[0].size() >= 4; }

GPUDL_KERNEL(gather_rows, "* <- * l l") {}
GPUDL_KERNEL(copy, "f <- ~f | ~d <- d") {}
GPUDL_KERNEL_WHEN(long_ones, "f <- f", long_enough) {}
GPUDL_KERNEL(scaled, "f <- f ; r i") {}
GPUDL_KERNEL(fill, "* <- ; r") {}
GPUDL_KERNEL(either, "f <- f | f <- ~f") {}
GPUDL_KERNEL(reduced, "f <- f ; r i*") {}
GPUDL_KERNEL(cast, ". <- ~. *") {}

static const int64_t shape[] = {3}, longer[] = {5}, strides[] = {4};

static TensorView view(char dtype, bool dense = true, const int64_t* dims = shape) { return {nullptr, dims, strides, 1, dtype, dense}; }

static Answer ask(const char* name, std::vector<TensorView> outs, std::vector<TensorView> ins, int attrs = 0) {
    Scalar values[max_attrs] = {};
    const Choice choice = choose(table().at(name), outs.data(), int(outs.size()), ins.data(), int(ins.size()), values, attrs);
    EXPECT((choice.entry != nullptr) == (choice.answer == Answer::done));
    return choice.answer;
}

static bool refused(const char* signature) {
    // a registration of its own list: it must not enter the table of this program
    Registration*& first = Registration::first();
    Registration* const before = first;
    const Registration wrong("wrong", signature, nullptr, nullptr);
    first = before;
    try {
        parse(wrong);
    } catch (const std::invalid_argument& error) {
        return std::string(error.what()).find("[wrong]") == 0;
    }
    return false;
}

int main() {
    EXPECT(ask("gather_rows", {view('f')}, {view('f'), view('l'), view('l')}) == Answer::done);
    EXPECT(ask("gather_rows", {view('E')}, {view('E'), view('l'), view('l')}) == Answer::done);
    EXPECT(ask("gather_rows", {view('f')}, {view('d'), view('l'), view('l')}) == Answer::missing);  // one * has one meaning
    EXPECT(ask("gather_rows", {view('f')}, {view('f'), view('i'), view('l')}) == Answer::missing);
    EXPECT(ask("gather_rows", {view('f')}, {view('f'), view('l')}) == Answer::missing);
    EXPECT(ask("gather_rows", {view(no_dtype)}, {view(no_dtype), view('l'), view('l')}) == Answer::missing);
    EXPECT(ask("gather_rows", {view('f')}, {view('f', false), view('l'), view('l')}) == Answer::needs_contiguous);

    EXPECT(ask("cast", {view('f')}, {view('l', false), view('d')}) == Answer::done);  // each . has a meaning of its own
    EXPECT(ask("cast", {view('f')}, {view(no_dtype), view('d')}) == Answer::missing);
    EXPECT(ask("cast", {view(no_dtype)}, {view('f'), view('d')}) == Answer::missing);

    EXPECT(ask("copy", {view('f')}, {view('f', false)}) == Answer::done);
    EXPECT(ask("copy", {view('f', false)}, {view('f')}) == Answer::missing);  // a dense copy of an output would be written in vain
    EXPECT(ask("copy", {view('d', false)}, {view('d')}) == Answer::done);
    EXPECT(ask("copy", {view('d')}, {view('d', false)}) == Answer::needs_contiguous);

    EXPECT(ask("long_ones", {view('f', true, longer)}, {view('f', true, longer)}) == Answer::done);
    EXPECT(ask("long_ones", {view('f')}, {view('f')}) == Answer::missing);
    EXPECT(ask("long_ones", {view('f')}, {view('f', false)}) == Answer::missing);

    EXPECT(ask("scaled", {view('f')}, {view('f')}, 2) == Answer::done);
    EXPECT(ask("scaled", {view('f')}, {view('f')}, 1) == Answer::wrong_attributes);
    EXPECT(ask("scaled", {view('d')}, {view('d')}, 1) == Answer::missing);
    EXPECT(ask("fill", {view('l')}, {}, 1) == Answer::done);
    EXPECT(ask("reduced", {view('f')}, {view('f')}, 0) == Answer::wrong_attributes);
    EXPECT(ask("reduced", {view('f')}, {view('f')}, 1) == Answer::done);
    EXPECT(ask("reduced", {view('f')}, {view('f')}, 5) == Answer::done);
    const Scalar two[] = {{__builtin_nan(""), 0}, {-9.3e18, INT64_MIN}, attrs_end};
    EXPECT(count_attrs(two) == 2 && count_attrs(two + 2) == 0);

    EXPECT(ask("either", {view('f')}, {view('f', false)}) == Answer::done);  // a later signature that does beats one that needs copies
    EXPECT(table().at("copy").size() == 2 && table().at("copy")[1].signature == "~d <- d");

    for (const char* wrong : {"", "f", "f f", "<- f", "f <- x", "f <- ~", "f <- f ; q", "f < f", "f <- f |", "f <- f ; r ; r", "~~f <- f",
                              "f <- f ; *", "f <- f ; i* r"}) {
        if (!refused(wrong)) {
            std::printf("taken for a signature: \"%s\"\n", wrong);
            failures++;
        }
    }

    const int64_t ones[] = {1, 3, 1}, odd[] = {999, 4, 7}, none[] = {0, 3, 1}, gap[] = {12, 8, 4};
    EXPECT(is_contiguous({nullptr, ones, odd, 3, 'f', false}, 4));  // strides along axes of size 1 mean nothing
    EXPECT(is_contiguous({nullptr, none, gap, 3, 'f', false}, 4));  // nothing is out of place in an empty array
    EXPECT(!is_contiguous({nullptr, ones, gap, 3, 'f', false}, 4));
    EXPECT(is_contiguous({nullptr, nullptr, nullptr, 0, 'f', false}, 4));
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
