#include "kernel_table.h"

#include <algorithm>
#include <stdexcept>

#include <gpudl/dtype.h>

namespace gpudl {
namespace {

[[noreturn]] void refuse(const Registration& r, const std::string& why) {
    throw std::invalid_argument(std::string("[") + r.name + "] signature \"" + r.signature + "\": " + why);
}

Entry parse_one(const Registration& r, const std::string& text) {
    Entry entry{r.name, "", r.kernel, r.when, {}, {}, 0, false};
    enum { outputs, inputs, attributes } part = outputs;
    bool strided = false;
    for (size_t i = 0; i < text.size(); i++) {
        const char c = text[i];
        if (c == ' ') continue;
        if (c == '<' && part == outputs && !strided && i + 1 < text.size() && text[i + 1] == '-') {
            part = inputs;
            i++;
        } else if (c == ';' && part == inputs && !strided) {
            part = attributes;
        } else if (part == attributes) {
            if (entry.more_attrs) refuse(r, "nothing may follow the attributes of any number");
            if (c == '*' && entry.attrs > 0 && text[i - 1] != ' ') {
                entry.attrs--;
                entry.more_attrs = true;
                continue;
            }
            if (c != 'r' && c != 'i') refuse(r, std::string("an attribute is r or i, not '") + c + "'");
            entry.attrs++;
        } else if (c == '~' && !strided) {
            strided = true;
        } else {
            if (c != '*' && c != '.' && itemsize(c) == 0) refuse(r, std::string("no dtype has the letter '") + c + "'");
            (part == outputs ? entry.outs : entry.ins).push_back({c, strided});
            strided = false;
        }
    }
    if (strided || part == outputs || entry.outs.empty()) refuse(r, "expected outputs <- inputs ; attributes");
    if (entry.outs.size() > max_operands || entry.ins.size() > max_operands || entry.attrs > max_attrs)
        refuse(r, "too many operands or attributes");
    const size_t from = text.find_first_not_of(' '), to = text.find_last_not_of(' ');
    entry.signature = text.substr(from, to - from + 1);
    return entry;
}

bool dense_enough(const std::vector<Operand>& wanted, const TensorView* given) {
    for (size_t i = 0; i < wanted.size(); i++) {
        if (!wanted[i].strided && !given[i].dense) return false;
    }
    return true;
}

}  // namespace

Variants parse(const Registration& registration) {
    Variants variants;
    const std::string all = registration.signature;
    for (size_t from = 0; from <= all.size();) {
        const size_t bar = std::min(all.find('|', from), all.size());
        variants.push_back(parse_one(registration, all.substr(from, bar - from)));
        from = bar + 1;
    }
    return variants;
}

Table table_of(const Registration* first) {
    Table found;
    for (const Registration* r = first; r; r = r->next) {
        Variants& variants = found[r->name];
        for (Entry& entry : parse(*r)) variants.push_back(std::move(entry));
    }
    return found;
}

const Table& table() {
    static const Table all = table_of(Registration::first());
    return all;
}

bool Entry::takes_dtypes(const TensorView* out_views, const TensorView* in_views) const {
    char any = '*';  // what the first * stands for
    const auto fits = [&any](const std::vector<Operand>& wanted, const TensorView* given) {
        for (size_t i = 0; i < wanted.size(); i++) {
            const char letter = given[i].dtype;
            if (letter == no_dtype) return false;
            if (wanted[i].dtype == '.') continue;
            if (wanted[i].dtype != '*') {
                if (wanted[i].dtype != letter) return false;
            } else if (any == '*') {
                any = letter;
            } else if (any != letter) {
                return false;
            }
        }
        return true;
    };
    return fits(outs, out_views) && fits(ins, in_views);
}

Choice choose(const Variants& variants, const TensorView* outs, int n_outs, const TensorView* ins, int n_ins, const Scalar* attrs,
              int n_attrs) {
    Answer answer = Answer::missing;
    for (const Entry& e : variants) {
        if (int(e.outs.size()) != n_outs || int(e.ins.size()) != n_ins || !e.takes_dtypes(outs, ins)) continue;
        if (e.more_attrs ? n_attrs < e.attrs : n_attrs != e.attrs) {
            if (answer == Answer::missing) answer = Answer::wrong_attributes;
            continue;
        }
        if (!dense_enough(e.outs, outs) || (e.when && !e.when(outs, ins, attrs))) continue;
        if (dense_enough(e.ins, ins)) return {Answer::done, &e};
        answer = Answer::needs_contiguous;
    }
    return {answer, nullptr};
}

}  // namespace gpudl
