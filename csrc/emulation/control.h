// Lets the bindings steer the emulation: the schedule, and which arrays a launch may touch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace gpudl::emulation {

enum class Order { ascending, descending, random };  // which ready thread runs
enum class Arrival { late, early, random };          // when an asynchronous copy lands

struct Schedule {
    Order order = Order::ascending;
    Arrival copies = Arrival::late;
    uint64_t seed = 0;
    uint64_t only_last = 0;  // of each grid, run this many blocks (or clusters) at its end; 0: all
};
Schedule& schedule();

// Whether kernels were compiled with checks: each of their accesses is then reported to us.
bool is_checked();

// Memory that the kernels of a launch may touch. Outputs first: where an input overlaps one, it may be written.
void register_array(const void* pointer, size_t bytes, size_t itemsize, const std::string& name, bool writable);
void forget_arrays();

struct Counts {
    uint64_t switches, threads, blocks, collectives, accesses;
};
Counts& counts();

}  // namespace gpudl::emulation
