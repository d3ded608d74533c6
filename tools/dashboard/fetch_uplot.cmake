# Takes the page's charts from npm: cmake -DPAGE=.. -DOUTPUT=FOLDER -DNPM=.. -P fetch_uplot.cmake
# Leaves OUTPUT/uPlot.iife.min.js, uPlot.min.css and uPlot-LICENSE.txt; without npm, or where it
# fails, says so and leaves none: the rest is built all the same.
set(names uPlot.iife.min.js uPlot.min.css uPlot-LICENSE.txt)
set(sources dist/uPlot.iife.min.js dist/uPlot.min.css LICENSE)

file(MAKE_DIRECTORY ${OUTPUT})
file(COPY ${PAGE}/package.json ${PAGE}/package-lock.json DESTINATION ${OUTPUT})
set(result "npm is not installed")
if(NPM)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${OUTPUT} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE reason)
endif()
if(NOT result EQUAL 0)
  message(WARNING "the dashboard is built without its charts: 'npm ci' gave '${result}' ${reason}"
    " (npm and a network, or a cache, are needed; the next build tries again)")
  return()
endif()
foreach(name source IN ZIP_LISTS names sources)
  file(COPY_FILE ${OUTPUT}/node_modules/uplot/${source} ${OUTPUT}/${name})
endforeach()
