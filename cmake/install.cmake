# Headers, CMake package (components: none, io or model), pkg-config files, kernel sources and the license.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/bitnet)

install(DIRECTORY include/bitnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/bitnet)
if(EXISTS ${PROJECT_SOURCE_DIR}/cmake/bitnet_kernels.cmake)
    install(FILES cmake/bitnet_kernels.cmake DESTINATION ${package_dir})
    install(DIRECTORY cmake/kernels DESTINATION ${package_dir})
endif()

target_include_directories(bitnet INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS bitnet EXPORT bitnetTargets)
install(EXPORT bitnetTargets NAMESPACE bitnet:: DESTINATION ${package_dir})
if(TARGET bitnet_io)
    install(TARGETS bitnet_io EXPORT bitnetIoTargets)
    install(EXPORT bitnetIoTargets NAMESPACE bitnet:: DESTINATION ${package_dir})
endif()
if(TARGET bitnet_model)
    install(TARGETS bitnet_model EXPORT bitnetModelTargets)
    install(EXPORT bitnetModelTargets NAMESPACE bitnet:: DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/bitnetConfig.cmake.in bitnetConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(bitnetConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/bitnetConfig.cmake ${PROJECT_BINARY_DIR}/bitnetConfigVersion.cmake
    DESTINATION ${package_dir})

foreach(name IN ITEMS bitnet bitnet-io bitnet-model)
    configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()
