# babel_test_program(TARGET SOURCES LIBRARIES...): tests by Criterion as one program.
function(babel_test_program target source)
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${ARGN} babel_test_support ${BABEL_criterion_LIBRARY})
  target_include_directories(${target} PRIVATE ${BABEL_criterion_INCLUDE})
  target_compile_definitions(${target} PRIVATE BABEL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(BABEL_SANITIZE) # a third of the compile time; warnings that follow values through the optimiser are right at -O3, where they stay on
    target_compile_options(${target} PRIVATE -O1 -Wno-format-truncation -Wno-restrict -Wno-maybe-uninitialized)
  endif()
endfunction()

set(BABEL_TEST_FAILURES "LeakSanitizer|runtime error:|AddressSanitizer|simdev: .*not (freed|destroyed)")

# babel_test(FOLDER NAME SOURCE LIBRARIES...): tests/FOLDER/SOURCE as the ctest FOLDER_NAME with label FOLDER.
function(babel_test folder name source)
  babel_test_program(test_${folder}_${name} "${source}" ${ARGN})
  add_test(NAME ${folder}_${name} COMMAND test_${folder}_${name} -j1)
  set_tests_properties(${folder}_${name} PROPERTIES LABELS ${folder} SKIP_RETURN_CODE 77 TIMEOUT 900
                       ENVIRONMENT OMP_WAIT_POLICY=passive # threads that spin at barriers stall tests beside them
                       FAIL_REGULAR_EXPRESSION "${BABEL_TEST_FAILURES}")
endfunction()

# babel_device_test(FOLDER NAME PRECISION): the test babel_test(FOLDER NAME ...) once more, on a device, as FOLDER_NAME_cuda (fp32) or
# FOLDER_NAME_cuda_PRECISION. Skipped where there is none, unless BABEL_REQUIRE_CUDA=1. Nothing in a build without CUDA.
function(babel_device_test folder name precision)
  set(test ${folder}_${name}_cuda)
  if(NOT precision STREQUAL "fp32")
    string(APPEND test _${precision})
  endif()
  babel_add_device_test(${test} "${folder};device" test_${folder}_${name} BABEL_TEST_BACKEND=cuda:${precision})
endfunction()

# babel_device_only_test(FOLDER NAME SOURCE LIBRARIES...): a test of the CUDA backend itself, as FOLDER_NAME.
function(babel_device_only_test folder name source)
  if(BABEL_CUDA)
    babel_test_program(test_${folder}_${name} "${source}" ${ARGN})
  endif()
  babel_add_device_test(${folder}_${name} "${folder};device" test_${folder}_${name} BABEL_TEST_BACKEND=cuda)
endfunction()

# babel_add_device_test(TEST LABELS TARGET NAME=VALUE ARGUMENTS...): also a line of device_tests.txt, which scripts/gpu_check.sh reads.
function(babel_add_device_test test labels target environment)
  if(NOT BABEL_CUDA)
    return()
  endif()
  add_test(NAME ${test} COMMAND babel_device_run $<TARGET_FILE:${target}> -j1 ${ARGN})
  set_tests_properties(${test} PROPERTIES LABELS "${labels}" SKIP_RETURN_CODE 77 TIMEOUT 900
                       ENVIRONMENT "OMP_WAIT_POLICY=passive;${environment}" FAIL_REGULAR_EXPRESSION "${BABEL_TEST_FAILURES}")
  file(RELATIVE_PATH folder ${PROJECT_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR})
  list(JOIN ARGN " " arguments)
  set_property(GLOBAL APPEND PROPERTY BABEL_DEVICE_TESTS "${test} ${environment} ${folder}/${target} -j1 ${arguments}\n")
endfunction()
