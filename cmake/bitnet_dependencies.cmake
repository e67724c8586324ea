# What bitnet::bitnet links, unless the including project already has it. simdjson is needed by bitnet::io alone.
# No versions here: xsimd's package accepts only its own major version, and the headers serve every one from 8 on.
if(NOT TARGET xtensor)
    find_package(xtensor REQUIRED)
endif()
if(NOT TARGET xsimd)
    find_package(xsimd REQUIRED)
endif()
if(NOT TARGET simdjson::simdjson)
    find_package(simdjson QUIET)
endif()
find_package(Threads REQUIRED)
