// Switches between the scheduler and fibers: a stack each, and the registers that a call must preserve.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "runtime.h"

#if !defined(__x86_64__) || !defined(__linux__)
#define GPUDL_UCONTEXT 1  // portable, and several times slower: each switch is a system call
#endif
#ifdef GPUDL_UCONTEXT
#include <ucontext.h>
#endif

namespace gpudl::emulation {

__thread Thread* current __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

constexpr size_t guard_bytes = 4096;  // below each stack: overflowing it is a fault, not damage

char* new_stack() {
    void* memory = mmap(nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, guard_bytes, PROT_NONE);
    return static_cast<char*>(memory) + guard_bytes;
}

void run_fiber() {
    Fiber* fiber = self();
    fiber->block->call(fiber->block->arguments);
    finish_copies(fiber);
    finish_stores(fiber);
    fiber->state = State::returned;
    fiber->block->alive--;
    fiber->home->alive--;
    switch_to_scheduler(fiber);
    std::abort();
}

}  // namespace

#ifdef GPUDL_UCONTEXT

namespace {
ucontext_t scheduler_context;
std::unordered_map<char*, ucontext_t> contexts;  // by stack

void swap_to(Fiber* fiber) { swapcontext(&scheduler_context, &contexts[fiber->stack]); }

void prepare(Fiber* fiber) {
    ucontext_t& context = contexts[fiber->stack];
    getcontext(&context);
    context.uc_stack.ss_sp = fiber->stack;
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    makecontext(&context, run_fiber, 0);
}
}  // namespace

void switch_to_scheduler(Fiber* fiber) { swapcontext(&contexts[fiber->stack], &scheduler_context); }

#else

asm(R"(
.text
.globl gpudl_emulation_switch
.hidden gpudl_emulation_switch
.type gpudl_emulation_switch,@function
gpudl_emulation_switch:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp,(%rdi)
    movq %rsi,%rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
.size gpudl_emulation_switch,.-gpudl_emulation_switch
)");
extern "C" void gpudl_emulation_switch(void** save, void* load);

namespace {
void swap_to(Fiber* fiber) { gpudl_emulation_switch(&fiber->block->scheduler_stack, fiber->stack_pointer); }

void prepare(Fiber* fiber) {
    void** top = reinterpret_cast<void**>(fiber->stack + stack_bytes - 64);
    *--top = nullptr;  // where run_fiber would return to; it leaves the stack aligned as after a call
    *--top = reinterpret_cast<void*>(run_fiber);
    for (int i = 0; i < 6; i++) *--top = nullptr;
    fiber->stack_pointer = top;
}
}  // namespace

void switch_to_scheduler(Fiber* fiber) { gpudl_emulation_switch(&fiber->stack_pointer, fiber->block->scheduler_stack); }

#endif

void switch_to(Fiber* fiber) {
    Block& block = *fiber->block;
    if (!fiber->stack) {  // at its first run: threads that never wait take turns on one stack, which stays in the cache
        if (block.free_stacks.empty()) {
            block.all_stacks.push_back(new_stack());
            block.free_stacks.push_back(block.all_stacks.back());
        }
        fiber->stack = block.free_stacks.back();
        block.free_stacks.pop_back();
        prepare(fiber);
    }
    current = fiber;
    block.running = fiber;
    counts().switches++;
    swap_to(fiber);
    current = nullptr;
    block.running = nullptr;
    if (fiber->state == State::returned) {
        block.free_stacks.push_back(fiber->stack);
        fiber->stack = nullptr;
    }
}

}  // namespace gpudl::emulation
