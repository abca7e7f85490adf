# Tests of the simulated device itself; included by tests/CMakeLists.txt.
set(simdev ${PROJECT_SOURCE_DIR}/tests/simdev)

# The broken kernels are compiled with access hooks in every configuration: without the sanitizers, which exclude them.
add_library(babel_simdev_broken STATIC ${simdev}/broken/addresses.cu ${simdev}/broken/collectives.cu ${simdev}/broken/correct.cu ${simdev}/broken/races.cu)
set_target_properties(babel_simdev_broken PROPERTIES LINKER_LANGUAGE CXX)
get_target_property(sources babel_simdev_broken SOURCES)
set_source_files_properties(${sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-fno-sanitize=all;${BABEL_SIMDEV_HOOK_FLAGS}")
target_link_libraries(babel_simdev_broken PUBLIC babel_kernels)
babel_test(simdev broken ${simdev}/test_broken.c babel_simdev_broken)
foreach(name runtime runtime_deaths runtime_graph)
  babel_test(simdev ${name} ${simdev}/test_${name}.c babel_simdev)
endforeach()
