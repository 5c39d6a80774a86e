# Wrappers that keep the leaf CMake files to a few lines.

# One precompiled header serves every compiler library and tool: parsing MLIR's
# headers is most of the time that a file takes to compile. Named with one option
# and without a time in it, ccache understands it, also from another folder.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include-pch <PCH_FILE>)
endif()
function(rheobase_precompile target)
  if(NOT RHEOBASE_PRECOMPILED_HEADERS)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    # The precompiled header is position independent code, not -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
  if(target STREQUAL "RheobasePCH")
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cmake")
    target_precompile_headers(${target} PRIVATE <pch.h>)
    # What is in it, for ccache (cmake/ccache.sh).
    file(SHA256 "${PROJECT_SOURCE_DIR}/cmake/pch.h" sum)
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum"
      CONTENT "${sum} ${LLVM_PACKAGE_VERSION} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${CMAKE_CXX_FLAGS}\n")
  else()
    target_precompile_headers(${target} REUSE_FROM RheobasePCH)
  endif()
endfunction()

# rheobase_set_sanitizer_options(<program>): for the asan preset.
function(rheobase_set_sanitizer_options program)
  if(LLVM_USE_SANITIZER MATCHES "Address")
    target_sources(${program} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/SanitizerOptions.cpp")
  endif()
endfunction()

# rheobase_apply_llvm_flags(<target>): exceptions and RTTI as LLVM was built.
function(rheobase_apply_llvm_flags target)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -Wall -Wextra -Wno-unused-parameter -ffp-contract=off>)
endfunction()

# add_rheobase_library(<name> [LINK_LIBS <ours>...] [DEPENDS <tablegen targets>...])
# A compiler library of all .cpp files of its folder. A new file needs no edit.
function(add_rheobase_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS;DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(${name} STATIC ${sources})
  add_library(Rheobase::${name} ALIAS ${name})
  rheobase_apply_llvm_flags(${name})
  add_dependencies(${name} rheobase-headers ${ARG_DEPENDS})
  rheobase_precompile(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PUBLIC MLIR)
  target_link_libraries(${name} PUBLIC LLVM)
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(TARGETS ${name} EXPORT RheobaseTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_property(GLOBAL APPEND PROPERTY RHEOBASE_COMPILER_LIBRARIES ${name})
endfunction()

# add_rheobase_tool(<name> [LINK_LIBS <ours>...]): an installed program of all
# .cpp files of its folder.
function(add_rheobase_tool name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_executable(${name} ${sources})
  rheobase_apply_llvm_flags(${name})
  add_dependencies(${name} rheobase-headers)
  rheobase_precompile(${name})
  rheobase_set_sanitizer_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PRIVATE MLIR)
  target_link_libraries(${name} PRIVATE LLVM)
  # Plugins resolve the dialect's symbols in the program that loads them.
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_property(GLOBAL APPEND PROPERTY RHEOBASE_TEST_DEPENDENCIES ${name})
endfunction()

# rheobase_tablegen(<td file> <output> <generator flags>...): one tablegen run
# of the current folder; rheobase_tablegen_done(<target>) collects them.
macro(rheobase_tablegen td output)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${output} ${ARGN})
endmacro()

macro(rheobase_tablegen_done target)
  add_public_tablegen_target(${target})
  add_dependencies(rheobase-headers ${target})
endmacro()
