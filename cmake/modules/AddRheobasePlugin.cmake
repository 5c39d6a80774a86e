# add_rheobase_plugin(<name> <sources>...): a plugin for snn-opt's
# --load-pass-plugin and --load-dialect-plugin. It takes the dialect, MLIR and
# LLVM from the program that loads it: a second copy would be another dialect.
function(add_rheobase_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
  target_include_directories(${name} PRIVATE ${RHEOBASE_INCLUDE_DIRS})
  target_include_directories(${name} SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_options(${name} PRIVATE -fno-exceptions -fvisibility-inlines-hidden)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${name} PRIVATE -fno-rtti)
  endif()
endfunction()
