# What bitnet::bitnet links, unless the including project already has it. simdjson is needed by bitnet::io alone, and by
# bitnet::model, with what comes last.
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
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(PCRE2 QUIET IMPORTED_TARGET GLOBAL libpcre2-8)
    pkg_check_modules(UTF8PROC QUIET IMPORTED_TARGET GLOBAL libutf8proc)
    pkg_check_modules(OPENBLAS QUIET IMPORTED_TARGET GLOBAL openblas)
endif()
