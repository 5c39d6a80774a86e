# Fails if a file of the runtime includes a header of LLVM, MLIR or the compiler.
# Usage: cmake -DROOT=<source folder> -P CheckIncludes.cmake
file(GLOB_RECURSE files
  "${ROOT}/lib/Runtime/*" "${ROOT}/include/rheobase/Runtime/*"
  "${ROOT}/include/rheobase/abi.h" "${ROOT}/include/rheobase/rt.h"
  "${ROOT}/include/rheobase/Support/Philox.h"
  "${ROOT}/include/rheobase/Support/InitialValues.h")
list(LENGTH files count)
if(count LESS 10)
  message(FATAL_ERROR "expected at least 10 files of the runtime in '${ROOT}', found ${count}")
endif()
set(allowed "rheobase/(abi|rt)\\.h|rheobase/Runtime/[A-Za-z]+\\.h|rheobase/Support/(Philox|InitialValues)\\.h")
foreach(file ${files})
  file(STRINGS "${file}" lines REGEX "^[ \t]*#[ \t]*include")
  foreach(line ${lines})
    string(REGEX MATCH "[<\"]([^>\"]+)[>\"]" header "${line}")
    set(header "${CMAKE_MATCH_1}")
    if(header MATCHES "^(llvm|mlir|llvm-c|mlir-c|clang)/" OR
       (header MATCHES "^rheobase" AND NOT header MATCHES "^(${allowed})$"))
      message(SEND_ERROR "${file}: the runtime must not include '${header}'")
    endif()
  endforeach()
endforeach()
