# Headers of libraries that most files include, compiled once for all targets. Builds take half the time, but a
# file that forgot to include one of them is compiled all the same: for builds beside the one that users make.
file(CONFIGURE OUTPUT precompiled.cpp CONTENT "")
add_library(precompiled STATIC ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(precompiled PRIVATE miniray_flags)
target_compile_definitions(precompiled PRIVATE GTEST_HAS_PTHREAD=1)  # as GTest::gtest does
target_precompile_headers(precompiled PRIVATE
  <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <filesystem> <fstream>
  <functional> <map> <memory> <mutex> <numeric> <optional> <random> <set> <span> <sstream> <string>
  <string_view> <thread> <vector> <gtest/gtest.h> <nlohmann/json.hpp>)

function(use_precompiled_headers folder)
  get_property(subfolders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(subfolder ${subfolders})
    use_precompiled_headers(${subfolder})
  endforeach()
  get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    if(type MATCHES "LIBRARY|EXECUTABLE" AND NOT type MATCHES "INTERFACE" AND NOT target STREQUAL precompiled)
      target_precompile_headers(${target} REUSE_FROM precompiled)
    endif()
  endforeach()
endfunction()
use_precompiled_headers(${PROJECT_SOURCE_DIR})
