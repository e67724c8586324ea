# cmake -D PROGRAM=file -D EXPECTED=file -P compare_output.cmake: fails unless PROGRAM prints what EXPECTED holds.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: exit status ${status}")
endif()
file(READ ${EXPECTED} expected)
if(NOT printed STREQUAL expected)
    message(FATAL_ERROR "printed:\n${printed}\nexpected, from ${EXPECTED}:\n${expected}")
endif()
