# Tests of the simulated device itself; included by tests/CMakeLists.txt.
set(simdev ${PROJECT_SOURCE_DIR}/tests/simdev)

# These kernels are compiled with access hooks in every configuration: without the sanitizers, which exclude them.
add_library(babel_simdev_test_kernels STATIC ${simdev}/kernels/addresses.cu ${simdev}/kernels/collectives.cu ${simdev}/kernels/correct.cu ${simdev}/kernels/races.cu
  ${simdev}/kernels/resident.cu ${simdev}/kernels/values.cu ${PROJECT_SOURCE_DIR}/tests/kernels/ptx_kernels.cu)
set_target_properties(babel_simdev_test_kernels PROPERTIES LINKER_LANGUAGE CXX)
get_target_property(sources babel_simdev_test_kernels SOURCES)
set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-fno-sanitize=all;${BABEL_SIMDEV_HOOK_FLAGS}")
target_link_libraries(babel_simdev_test_kernels PUBLIC babel_kernels)
babel_test(simdev broken ${simdev}/test_broken.c babel_simdev_test_kernels)
babel_test(simdev values ${simdev}/test_values.c babel_simdev_test_kernels)
foreach(name nccl runtime runtime_deaths runtime_graph)
  babel_test(simdev ${name} ${simdev}/test_${name}.c babel_simdev)
endforeach()
