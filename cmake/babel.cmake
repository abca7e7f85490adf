# Flags shared by everything, and the two functions that folders call.
add_library(babel_flags INTERFACE)
target_include_directories(babel_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(babel_flags INTERFACE _GNU_SOURCE BABEL_VERSION="${PROJECT_VERSION}")
target_compile_options(babel_flags INTERFACE
  -Wall -Wextra -Werror -Wno-unused-parameter -fno-math-errno -ffp-contract=fast
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(BABEL_NATIVE)
  target_compile_options(babel_flags INTERFACE -march=native)
endif()
if(BABEL_SANITIZE)
  target_compile_options(babel_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                         -fno-omit-frame-pointer -g -O1
                         # Warnings that follow values through the optimiser are right at -O3, where they stay on.
                         -Wno-format-truncation -Wno-restrict -Wno-maybe-uninitialized)
  target_link_options(babel_flags INTERFACE -fsanitize=address,undefined)
endif()
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(babel_flags INTERFACE -Wno-pass-failed) # `omp simd` is a wish, not an order
endif()
if(BABEL_FUZZ)
  target_compile_options(babel_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_libraries(babel_flags INTERFACE OpenMP::OpenMP_C m)

set_property(GLOBAL PROPERTY BABEL_FOLDERS "")

# babel_folder(NAME SOURCES a.c b.c DEPENDS core kernels LIBRARIES ZLIB::ZLIB): the folder as the static library babel_NAME.
function(babel_folder name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT F_SOURCES)
    add_library(babel_${name} INTERFACE)
    return()
  endif()
  add_library(babel_${name} STATIC ${F_SOURCES})
  target_link_libraries(babel_${name} PUBLIC babel_flags ${F_LIBRARIES})
  foreach(dependency ${F_DEPENDS})
    target_link_libraries(babel_${name} PUBLIC babel_${dependency})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY BABEL_FOLDERS ${name})
endfunction()

# The installed library: all folders in one archive, libbabel.a, and its pkg-config file.
function(babel_archive)
  get_property(folders GLOBAL PROPERTY BABEL_FOLDERS)
  set(objects "")
  foreach(folder ${folders})
    list(APPEND objects $<TARGET_OBJECTS:babel_${folder}>)
    file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/${folder}/*.h)
    foreach(header ${headers})
      install(FILES ${PROJECT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/babel/${folder})
    endforeach()
  endforeach()
  add_library(babel_all STATIC ${objects})
  set_target_properties(babel_all PROPERTIES OUTPUT_NAME babel LINKER_LANGUAGE C)
  install(TARGETS babel_all ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/babel.pc.in ${PROJECT_BINARY_DIR}/babel.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/babel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
