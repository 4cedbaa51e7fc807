# Compiles the C++ kernels once for each instruction set, and gives them to _cpu, which chooses at run time.
#
# In the objects of an instruction set the namespace gpudl is called gpudl_<set>: an inline function that two of them share by name would be
# linked once, perhaps with instructions that this machine does not have. check_symbols.cmake stops the build where that could happen.
find_package(Threads REQUIRED)

set(GPUDL_CPU_FAMILIES
  activation
  arithmetic
  buffers
  convolution
  elementwise
  matmul
  norm
  optimizers
  pooling
  random
  reduce
  registrations
  smooth
  softmax
  steps
)

function(gpudl_cpu_kernels isa)
  list(TRANSFORM GPUDL_CPU_FAMILIES PREPEND "${GPUDL_ROOT}/csrc/cpu/" OUTPUT_VARIABLE sources)
  list(TRANSFORM sources APPEND ".cpp")
  add_library(gpudl_cpu_${isa} OBJECT ${sources})
  target_include_directories(gpudl_cpu_${isa} PRIVATE "${GPUDL_ROOT}/csrc/include")
  target_compile_definitions(gpudl_cpu_${isa} PRIVATE gpudl=gpudl_${isa} GPUDL_ISA=${isa} GPUDL_VECTOR_MATH)
  target_compile_options(gpudl_cpu_${isa} PRIVATE ${GPUDL_COMPILE_FLAGS} -Wno-psabi ${ARGN})
  add_custom_command(TARGET _cpu PRE_LINK VERBATIM
    COMMAND "${CMAKE_COMMAND}" "-DNM=${CMAKE_NM}" "-DISA=${isa}" "-DOBJECTS=$<JOIN:$<TARGET_OBJECTS:gpudl_cpu_${isa}>,|>"
            -P "${GPUDL_ROOT}/csrc/cpu/check_symbols.cmake")
  target_sources(_cpu PRIVATE $<TARGET_OBJECTS:gpudl_cpu_${isa}>)
  string(TOUPPER ${isa} upper)
  target_compile_definitions(_cpu PRIVATE GPUDL_CPU_${upper})
  set(GPUDL_CPU_ISAS "${GPUDL_CPU_ISAS} ${isa}" PARENT_SCOPE)
endfunction()

# Fused multiply-adds give other bits than the reference: they are for families whose results are compared within a tolerance.
set(GPUDL_CPU_FUSED convolution matmul norm reduce smooth softmax)
foreach(family ${GPUDL_CPU_FAMILIES})
  if(family IN_LIST GPUDL_CPU_FUSED)
    set_source_files_properties("${GPUDL_ROOT}/csrc/cpu/${family}.cpp" PROPERTIES COMPILE_OPTIONS -ffp-contract=fast)
  else()
    set_source_files_properties("${GPUDL_ROOT}/csrc/cpu/${family}.cpp" PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
  endif()
endforeach()

set(GPUDL_CPU_ISAS "")
gpudl_cpu_kernels(baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
  gpudl_cpu_kernels(avx2 ${avx2})
  gpudl_cpu_kernels(avx512 ${avx512})
endif()
string(STRIP "${GPUDL_CPU_ISAS}" GPUDL_CPU_ISAS)

target_sources(_cpu PRIVATE "${GPUDL_ROOT}/csrc/cpu/threads.cpp")
target_link_libraries(_cpu PRIVATE Threads::Threads)
