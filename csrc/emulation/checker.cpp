// Checks each access of a kernel: within its arrays, no write to an input, no read of shared memory that nobody wrote, and no data race.
//
// A race: two threads touch the same memory, one of them writes, and nothing orders the two. For that every granule remembers its last
// write and its last two reads. A granule of shared memory is a word of 4 bytes, split into bytes from the first access to a part of it
// until the next write to all of it; one of global memory is an item of its array.
#include <link.h>

#include <algorithm>

#include "runtime.h"

namespace gpudl::emulation {
namespace {

struct Array {
    uintptr_t begin, end;
    size_t itemsize;
    std::string name;
    bool writable;
    std::vector<std::vector<Cell>> cells;  // in chunks, each made when it is first touched: most of a large array never is

    static constexpr size_t chunk = 256;
    size_t items() const { return (end - begin + itemsize - 1) / itemsize; }
    Cell& cell(size_t item) {
        auto& part = cells[item / chunk];
        if (part.empty()) part.assign(chunk, Cell{});
        return part[item % chunk];
    }
    bool holds(uintptr_t address, size_t bytes) const { return address >= begin && address + bytes <= end; }
};
std::vector<Array> arrays;

struct Segment {
    uintptr_t begin, end;
};

// The loaded segments of all libraries: constants of the program, which are no arrays and no error.
const std::vector<Segment>& segments() {
    static const std::vector<Segment> found = [] {
        std::vector<Segment> all;
        dl_iterate_phdr(
            [](dl_phdr_info* library, size_t, void* into) {
                for (int i = 0; i < library->dlpi_phnum; i++) {
                    const auto& header = library->dlpi_phdr[i];
                    const uintptr_t begin = library->dlpi_addr + header.p_vaddr;
                    if (header.p_type == PT_LOAD) static_cast<std::vector<Segment>*>(into)->push_back({begin, begin + header.p_memsz});
                }
                return 0;
            },
            &all);
        return all;
    }();
    return found;
}

const char* word_for(Access access) { return access == Access::write ? "write" : access == Access::read ? "read" : "atomic update"; }

std::string place_of(const Accessor& by) { return *by.at.file ? text_of(by.at) : line_of(by.code); }

void refuse(const std::string& message) { fail(message, Where("", 0)); }

template <class Place> void refuse_race(const Cell& cell, const Accessor& by, bool with_write, int slot, Place place) {
    const uint32_t block = with_write ? cell.write_block : cell.read_block[slot];
    const int thread = with_write ? cell.write_thread : cell.read_thread[slot];
    const bool elsewhere = block != uint32_t(the_block.number);
    refuse("data race on " + place() + ": the " + word_for(by.access) + " by " + name_of_thread(by.fiber->id) + " at " + place_of(by) +
           " is not ordered after the " + (with_write ? (cell.write_is_atomic ? "atomic update" : "write") : "read") + " by " +
           name_of_thread(thread) + (elsewhere ? " of block number " + std::to_string(block) : "") + " at " +
           (with_write ? text_of(cell.write_at, cell.write_line) : text_of(cell.read_at[slot], cell.read_line[slot])));
}

template <class Place> void check_cell(Cell& cell, const Accessor& by, Place place) {
    Fiber* fiber = by.fiber;
    const uint32_t block = uint32_t(fiber->block->number);
    const uint16_t thread = uint16_t(fiber->id);
    const bool atomic = by.access == Access::atomic;
    const void* at = *by.at.file ? by.at.file : by.code;
    const int line = *by.at.file ? by.at.line : 0;
    if (cell.write_clock && !(atomic && cell.write_is_atomic) && !is_ordered(fiber, cell.write_block, cell.write_thread, cell.write_clock))
        refuse_race(cell, by, true, 0, place);
    if (by.access == Access::read) {
        const bool free = !cell.read_clock[0] || (cell.read_thread[0] == thread && cell.read_block[0] == block);
        const int slot = free ? 0 : 1;
        cell.read_clock[slot] = fiber->clock;
        cell.read_block[slot] = block;
        cell.read_thread[slot] = thread;
        cell.read_at[slot] = at;
        cell.read_line[slot] = line;
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (cell.read_clock[i] && !is_ordered(fiber, cell.read_block[i], cell.read_thread[i], cell.read_clock[i]))
            refuse_race(cell, by, false, i, place);
    }
    cell.write_clock = fiber->clock;
    cell.write_block = block;
    cell.write_thread = thread;
    cell.write_is_atomic = atomic;
    cell.write_is_async = false;
    cell.write_at = at;
    cell.write_line = line;
    cell.read_clock[0] = cell.read_clock[1] = 0;
}

// "shared memory 'partial' byte 12"
std::string shared_place(size_t offset) {
    const Block& block = the_block;
    const size_t rank = offset / arena_bytes, within = offset % arena_bytes;
    std::string name = "dynamic";
    size_t begin = dynamic_offset;
    for (const StaticArray& array : block.blocks[rank].arrays) {
        if (within + redzone / 2 >= array.offset && within < array.offset + array.bytes + redzone / 2) {
            name = array.name;
            begin = array.offset;
        }
    }
    std::string text = "shared memory '" + name + "' byte " + std::to_string(long(within) - long(begin));
    return block.blocks.size() > 1 ? text + " of block " + std::to_string(rank) + " in the cluster" : text;
}

void check_shared(size_t offset, size_t bytes, const Accessor& by) {
    Block& block = the_block;
    for (size_t i = offset; i < offset + bytes; i++) {
        const Byte state = block.bytes[i];
        if (state == Byte::redzone)
            refuse("out-of-bounds " + std::string(word_for(by.access)) + " of " + std::to_string(bytes) + " bytes at " + shared_place(i) +
                   " at " + place_of(by));
        if (state == Byte::landing)
            refuse(std::string(word_for(by.access)) + " of " + shared_place(i) + " at " + place_of(by) +
                   " before the cp.async to it was waited for");
        if (state == Byte::leaving && by.access != Access::read)
            refuse(std::string(word_for(by.access)) + " to " + shared_place(i) + " at " + place_of(by) +
                   " while a TMA store may still read it (cp.async.bulk.wait_group.read is missing)");
        if (state == Byte::unwritten && by.access != Access::write)
            refuse("read of uninitialised " + shared_place(i) + " at " + place_of(by));
        if (by.access == Access::write) block.bytes[i] = Byte::written;
    }
    for (size_t word = offset / 4; word <= (offset + bytes - 1) / 4; word++) {
        const size_t from = std::max(offset, 4 * word), to = std::min(offset + bytes, 4 * word + 4);
        Cell* cells = block.cells + 4 * word;
        bool& split = block.split[word];
        if (to - from < 4 && !split) {
            cells[1] = cells[2] = cells[3] = cells[0];
            split = true;
        }
        if (!split) {
            check_cell(cells[0], by, [&] { return shared_place(from); });
            continue;
        }
        for (size_t i = from; i < to; i++) check_cell(cells[i % 4], by, [&] { return shared_place(i); });
        if (to - from == 4 && by.access != Access::read) split = false;
    }
}

void check_array(Array& array, uintptr_t address, size_t bytes, const Accessor& by) {
    const auto place = [&](size_t item) { return "array '" + array.name + "' element " + std::to_string(item); };
    const size_t first = (address - array.begin) / array.itemsize, last = (address + bytes - 1 - array.begin) / array.itemsize;
    if (by.access != Access::read && !array.writable)
        refuse(std::string(word_for(by.access)) + " to the input " + place(first) + " at " + place_of(by));
    if (by.access == Access::atomic) atomic_order(by.fiber, address);
    for (size_t i = first; i <= last; i++) check_cell(array.cell(i), by, [&] { return place(i); });
}

// Just outside an array that nobody else owns: that array was meant.
void refuse_wild(uintptr_t address, size_t bytes, const Accessor& by) {
    constexpr uintptr_t near = 1 << 16;
    const std::string what = "out-of-bounds " + std::string(word_for(by.access)) + " of " + std::to_string(bytes) + " bytes at ";
    const Array* nearest = nullptr;
    uintptr_t distance = near;
    for (const Array& array : arrays) {
        const uintptr_t away = address >= array.end ? address - array.end : address < array.begin ? array.begin - address : 0;
        if (away < distance) {
            nearest = &array;
            distance = away;
        }
    }
    if (!nearest) refuse(what + "an address that belongs to no array of this launch, at " + place_of(by));
    const long element = address >= nearest->begin ? long((address - nearest->begin) / nearest->itemsize)
                                                   : -long((nearest->begin - address + nearest->itemsize - 1) / nearest->itemsize);
    refuse(what + "array '" + nearest->name + "' element " + std::to_string(element) + " of " + std::to_string(nearest->items()) + " at " +
           place_of(by));
}

}  // namespace

void register_array(const void* pointer, size_t bytes, size_t itemsize, const std::string& name, bool writable) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(pointer);
    arrays.push_back({begin, begin + bytes, itemsize, name, writable, {}});
}

void forget_arrays() { arrays.clear(); }

void prepare_arrays() {
    for (Array& array : arrays) array.cells.assign(array.items() / Array::chunk + 1, {});
}

void check_access(const void* pointer, size_t bytes, const Accessor& by) {
    Block& block = the_block;
    const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
    if (address - reinterpret_cast<uintptr_t>(by.fiber->stack) < stack_bytes || !block.checked || !bytes) return;
    counts().accesses++;
    if (const size_t offset = address - reinterpret_cast<uintptr_t>(block.memory); offset < arena_bytes * block.blocks.size()) {
        check_shared(offset, bytes, by);
        return;
    }
    for (Array& array : arrays) {
        if (!array.holds(address, bytes)) continue;
        check_array(array, address, bytes, by);
        return;
    }
    for (const Segment& segment : segments()) {
        if (address >= segment.begin && address < segment.end) return;
    }
    for (const char* stack : block.all_stacks) {  // what another lane of the warp left there for a collective
        if (address - reinterpret_cast<uintptr_t>(stack) < stack_bytes) return;
    }
    if (address - reinterpret_cast<uintptr_t>(block.arguments) < 4096) return;  // a kernel may have that much of parameters
    refuse_wild(address, bytes, by);
}

void note(const void* pointer, size_t bytes, Access access, Where at) {
    if (current && the_block.checked) check_access(pointer, bytes, {self(), access, nullptr, at});
}

void note_by(Fiber* fiber, const void* pointer, size_t bytes, Access access, Where at, bool async) {
    Block& block = the_block;
    if (!block.checked) return;
    Thread* const caller = current;
    current = fiber;  // a failure names the thread on whose behalf the memory is accessed
    check_access(pointer, bytes, {fiber, access, nullptr, at});
    current = caller;
    const size_t offset = reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(block.memory);
    if (access != Access::write || !async || offset >= arena_bytes * block.blocks.size()) return;
    for (size_t i = offset / 4 * 4; i < offset + bytes; i++) block.cells[i].write_is_async = true;
}

void mark_shared(const void* pointer, size_t bytes, Byte state) {
    Block& block = the_block;
    if (!block.checked) return;
    std::memset(block.bytes + (static_cast<const unsigned char*>(pointer) - block.memory), int(state), bytes);
}

// The copy engine and the tensor cores read shared memory past the caches: a fence.proxy.async must come after ordinary writes.
void check_proxy(const void* pointer, size_t bytes, const char* what, Where at) {
    Block& block = the_block;
    const size_t offset = reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(block.memory);
    if (!block.checked || offset >= arena_bytes * block.blocks.size()) return;
    for (size_t i = offset; i < offset + bytes; i++) {
        const Cell& cell = block.cells[block.split[i / 4] ? i : i / 4 * 4];
        if (!cell.write_clock || cell.write_is_async) continue;
        if (cell.write_clock > block.fibers[cell.write_thread]->proxy_fence)
            fail(std::string(what) + " reads " + shared_place(i) + ", written by " + name_of_thread(cell.write_thread) + " at " +
                     text_of(cell.write_at, cell.write_line) + " with no fence.proxy.async after it,",
                 at);
    }
}

}  // namespace gpudl::emulation
