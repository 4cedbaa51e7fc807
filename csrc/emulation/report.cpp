// Puts failures into words: which kernel, which line, which block and thread, and who waits where in a deadlock.
#include <dlfcn.h>
#include <elf.h>

#include <cstdio>

#include "runtime.h"

namespace gpudl::emulation {
namespace {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string run_addr2line(const char* module, uintptr_t offset) {
    char command[1200];
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", module, size_t(offset));
    std::string text;
    if (FILE* output = popen(command, "r")) {
        char buffer[512];
        while (fgets(buffer, sizeof buffer, output)) text += buffer;
        pclose(output);
    }
    return text;
}

}  // namespace

// "… [with auto kernel = gpudl::softmax_kernel<2>]" holds the name that we want.
std::string kernel_name(const char* pretty) {
    std::string text(pretty);
    const size_t from = text.find("kernel = ");
    if (from == std::string::npos) return text;
    text = text.substr(from + 9);
    if (const size_t to = text.rfind(']'); to != std::string::npos) text.resize(to);
    for (const char* noise : {"gpudl::", "{anonymous}::", "(anonymous namespace)::", "<unnamed>::"}) {
        for (size_t at = text.find(noise); at != std::string::npos; at = text.find(noise)) text.erase(at, strlen(noise));
    }
    return text;
}

std::string text_of(uint3 index) {
    return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

std::string text_of(Where at) { return file_name(at.file) + ":" + std::to_string(at.line); }

// The innermost of the functions inlined there that is not a header of ours, which only passes on what the kernel wants.
std::string line_of(const void* code) {
    Dl_info info;
    if (!code || !dladdr(code, &info)) return "an unknown line";
    const auto* header = static_cast<const Elf64_Ehdr*>(info.dli_fbase);
    const uintptr_t base = header->e_type == ET_EXEC ? 0 : reinterpret_cast<uintptr_t>(info.dli_fbase);
    const std::string lines = run_addr2line(info.dli_fname, reinterpret_cast<uintptr_t>(code) - base - 1);
    std::string first;
    for (size_t from = 0; from < lines.size();) {
        const size_t to = std::min(lines.find('\n', from), lines.size());
        std::string line = lines.substr(from, to - from);
        from = to + 1;
        line.resize(std::min(line.find(" (disc"), line.size()));
        if (line.find('?') != std::string::npos) continue;
        if (first.empty()) first = line;
        const bool ours = line.find("/emulation/") != std::string::npos || line.find("platform.h:") != std::string::npos ||
                          line.find("/dtype.h:") != std::string::npos;
        if (!ours) return file_name(line);
    }
    return first.empty() ? file_name(info.dli_fname) + ", line unknown" : file_name(first);
}

std::string text_of(const void* at, int line) { return line ? text_of(Where(static_cast<const char*>(at), line)) : line_of(at); }

std::string name_of_thread(int id) {
    const Block& block = the_block;
    const Fiber& fiber = *block.fibers[size_t(id)];
    std::string text = "thread " + text_of(fiber.thread_idx) + " (warp " + std::to_string(fiber.warp) + ")";
    if (block.blocks.size() > 1) text += " of block " + std::to_string(fiber.cluster_rank) + " in the cluster";
    return text;
}

void fail(const std::string& message, Where at) {
    Fiber* fiber = self();
    std::string& error = fiber->block->error;
    error = message;
    error += (*at.file ? "\n  at " + text_of(at) + " in kernel " : "\n  in kernel ") + kernel_name(fiber->block->kernel) + ", block " +
             text_of(fiber->block_idx) + ", thread " + text_of(fiber->thread_idx);
    if (!fiber->block->running) throw Abandon{};
    switch_to_scheduler(fiber->block->running);  // never to return: the launch ends, and this stack is used again as it lies
    std::abort();
}

void fail_misaligned(const void* pointer, size_t bytes, Where at) {
    const size_t off = reinterpret_cast<uintptr_t>(pointer) % bytes;
    fail("misaligned access: " + std::to_string(bytes) + " bytes at an address that is " + std::to_string(off) + " past a multiple of them",
         at);
}

std::string deadlock_report(Block& block) {
    std::map<std::string, std::vector<int>> groups;
    for (int i = 0; i < block.threads; i++) {
        const Fiber& fiber = *block.fibers[size_t(i)];
        groups[fiber.state == State::returned ? "returned" : "waiting in " + std::string(fiber.waits_in) + " at " + text_of(fiber.at)]
            .push_back(i);
    }
    std::string text = "deadlock: no thread of the block can go on\n  in kernel " + kernel_name(block.kernel) + ", block " +
                       text_of(block.fibers[0]->block_idx);
    for (const auto& [state, threads] : groups) {
        text += "\n    threads ";
        for (size_t i = 0; i < threads.size();) {
            size_t j = i;
            while (j + 1 < threads.size() && threads[j + 1] == threads[j] + 1) j++;
            text += (i ? "," : "") + std::to_string(threads[i]) + (j > i ? "-" + std::to_string(threads[j]) : "");
            i = j + 1;
        }
        text += ": " + state;
    }
    return text;
}

}  // namespace gpudl::emulation
