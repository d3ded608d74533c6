# Makes page_files.cpp of the page's files: cmake -DPAGE=.. -DUPLOT=.. -DOUTPUT=FILE -P embed_page.cmake
file(GLOB files ${PAGE}/*.html ${PAGE}/*.css ${PAGE}/*.js ${PAGE}/*.svg)
file(GLOB charts ${UPLOT}/uPlot*)
if(NOT charts)
  set(files ${PAGE}/without_charts/index.html)
endif()

set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS files charts)
  get_filename_component(name ${file} NAME)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char kFile${number}[] = {${bytes}'\\0'};\n")
  string(APPEND table "    {\"${name}\", {kFile${number}, sizeof kFile${number} - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "tools/dashboard/page_files.h"

#include <utility>

namespace miniray::dashboard {
namespace {

@arrays@
constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
@table@};

}  // namespace

std::optional<std::string_view> page_file(std::string_view name) {
  for (const auto& [known, bytes] : kFiles) {
    if (known == name) return bytes;
  }
  return std::nullopt;
}

}  // namespace miniray::dashboard
]])
