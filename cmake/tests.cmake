# babel_test(FOLDER NAME SOURCE LIBRARIES...): tests/FOLDER/SOURCE as the ctest FOLDER_NAME with label FOLDER.
function(babel_test folder name source)
  set(target test_${folder}_${name})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${ARGN} babel_test_support ${BABEL_criterion_LIBRARY})
  target_include_directories(${target} PRIVATE ${BABEL_criterion_INCLUDE})
  target_compile_definitions(${target} PRIVATE BABEL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(BABEL_SANITIZE) # a third of the compile time; warnings that follow values through the optimiser are right at -O3, where they stay on
    target_compile_options(${target} PRIVATE -O1 -Wno-format-truncation -Wno-restrict -Wno-maybe-uninitialized)
  endif()
  add_test(NAME ${folder}_${name} COMMAND ${target} -j1)
  set_tests_properties(${folder}_${name} PROPERTIES LABELS ${folder} SKIP_RETURN_CODE 77 TIMEOUT 900
                       ENVIRONMENT OMP_WAIT_POLICY=passive # threads that spin at barriers stall tests beside them
                       FAIL_REGULAR_EXPRESSION "LeakSanitizer|runtime error:|AddressSanitizer")
endfunction()

# babel_device_test(FOLDER NAME PRECISION): the test babel_test(FOLDER NAME ...) once more, on a device, as FOLDER_NAME_cuda (fp32) or
# FOLDER_NAME_cuda_PRECISION. Skipped where there is none, unless BABEL_REQUIRE_CUDA=1. Nothing in a build without CUDA.
function(babel_device_test folder name precision)
  if(NOT BABEL_CUDA)
    return()
  endif()
  set(test ${folder}_${name}_cuda)
  if(NOT precision STREQUAL "fp32")
    string(APPEND test _${precision})
  endif()
  add_test(NAME ${test} COMMAND babel_device_run $<TARGET_FILE:test_${folder}_${name}> -j1)
  set_tests_properties(${test} PROPERTIES LABELS "${folder};device" SKIP_RETURN_CODE 77 TIMEOUT 900
                       ENVIRONMENT "OMP_WAIT_POLICY=passive;BABEL_TEST_BACKEND=cuda:${precision}"
                       FAIL_REGULAR_EXPRESSION "LeakSanitizer|runtime error:|AddressSanitizer")
endfunction()
