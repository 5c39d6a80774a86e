# Fails if the library needs a symbol of the C++ library: artefacts link it with
# a C compiler. Usage: cmake -DNM=<nm> -DLIBRARY=<archive> -P CheckCoreSymbols.cmake
execute_process(COMMAND "${NM}" -u "${LIBRARY}" OUTPUT_VARIABLE symbols RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "cannot read the symbols of '${LIBRARY}'")
endif()
if(NOT symbols MATCHES "posix_memalign")
  message(FATAL_ERROR "expected the pool in '${LIBRARY}', got:\n${symbols}")
endif()
string(REGEX MATCHALL "(_Z|__cxa_|__gxx_)[A-Za-z0-9_]+" foreign "${symbols}")
if(foreign)
  message(FATAL_ERROR "'${LIBRARY}' needs the C++ library: ${foreign}")
endif()
