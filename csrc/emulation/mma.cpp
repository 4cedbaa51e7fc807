// Emulates the tensor-core products of a warp, and ldmatrix and stmatrix. Layouts: csrc/cuda/ptx/mma_sm80.cuh.
#include <utility>

#include "instructions.h"
#include "operands.h"
#include "runtime.h"

namespace gpudl::emulation {
namespace {

struct Product {  // one lane's
    Operands kind;
    float* d;
    const uint32_t *a, *b;
    const float* c;
};

// d = a b + c, accumulated in float32 in the order of k. (The device's order and truncation differ: compare with a tolerance.)
void multiply(void* const* operands, unsigned) {
    float a[16][16], b[16][8], c[16][8];
    const Operands kind = static_cast<const Product*>(operands[0])->kind;
    const int depth = kind == Operands::tf32 ? 8 : 16;
    for (int lane = 0; lane < 32; lane++) {
        const Product& p = *static_cast<const Product*>(operands[lane]);
        const int g = lane / 4, t = lane % 4;
        for (int r = 0; r < 4; r++) {
            const int row = g + r % 2 * 8;
            if (kind == Operands::tf32) {
                a[row][t + r / 2 * 4] = tf32_of(p.a[r]);
                if (r < 2) b[t + r * 4][g] = tf32_of(p.b[r]);
                continue;
            }
            for (int h = 0; h < 2; h++) {
                a[row][2 * t + r / 2 * 8 + h] = half_of(p.a[r], h, kind);
                if (r < 2) b[2 * t + r * 8 + h][g] = half_of(p.b[r], h, kind);
            }
        }
        for (int r = 0; r < 4; r++) c[g + r / 2 * 8][2 * t + r % 2] = p.c[r];
    }
    for (int m = 0; m < 16; m++) {
        for (int k = 0; k < depth; k++) {
            for (int n = 0; n < 8; n++) c[m][n] += a[m][k] * b[k][n];
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        const Product& p = *static_cast<const Product*>(operands[lane]);
        for (int r = 0; r < 4; r++) p.d[r] = c[lane / 4 + r / 2 * 8][2 * (lane % 4) + r % 2];
    }
}

struct Rows {  // one lane's registers, and the row whose address it gives
    uint32_t* registers;
    unsigned char* row;
    int count;
    bool transposed, store;
};

void move_matrices(void* const* operands, unsigned) {
    const Rows& first = *static_cast<const Rows*>(operands[0]);
    for (int matrix = 0; matrix < first.count; matrix++) {
        for (int i = 0; i < 64; i++) {
            const int lane = i / 2, half = i % 2;
            const Rows& mine = *static_cast<const Rows*>(operands[lane]);
            int row = lane / 4, column = 2 * (lane % 4) + half;
            if (first.transposed) std::swap(row, column);
            unsigned char* element = static_cast<const Rows*>(operands[8 * matrix + row])->row + 2 * column;
            uint32_t& r = mine.registers[matrix];
            uint16_t value = uint16_t(r >> (16 * half));
            if (first.store) {
                std::memcpy(element, &value, 2);
            } else {
                std::memcpy(&value, element, 2);
                r = half ? (r & 0xffffu) | uint32_t(value) << 16 : value;
            }
        }
    }
}

void matrices(const Rows& rows, Where at) {
    const char* what = rows.store ? "stmatrix" : "ldmatrix";
    if (self()->lane < 8 * rows.count) {
        if (shared_address(rows.row) % 16) fail(std::string(what) + ": the address of a row is not a multiple of 16", at);
        note(rows.row, 16, rows.store ? Access::write : Access::read, at);
    }
    Rows operand = rows;
    warp_collective(0xffffffffu, what, &operand, move_matrices, false, at);
}

}  // namespace

void mma(Operands kind, float* d, const uint32_t* a, const uint32_t* b, const float* c, Where at) {
    Product operand{kind, d, a, b, c};
    warp_collective(0xffffffffu, "mma.sync", &operand, multiply, false, at);
}

uint32_t round_to_tf32(float x) {
    const uint32_t bits = uint32_t(to_bits(x));
    return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & ~0x1fffu;
}

void load_matrices(uint32_t* registers, int count, bool transposed, const void* row, Where at) {
    matrices({registers, static_cast<unsigned char*>(const_cast<void*>(row)), count, transposed, false}, at);
}

void store_matrices(const uint32_t* registers, int count, void* row, Where at) {
    matrices({const_cast<uint32_t*>(registers), static_cast<unsigned char*>(row), count, false, true}, at);
}

}  // namespace gpudl::emulation
