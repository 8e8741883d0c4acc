# How far it was tested: not run, for want of a vcpkg. `make install` with these variables, and the CMake files that it
# installs, are tested in tests/install.rs.
vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO libetcd/libetcd
    REF "v${VERSION}"
    SHA512 0
    HEAD_REF main
)

find_program(CARGO cargo REQUIRED)
find_program(MAKE make REQUIRED)

# One kind of library in each build, as vcpkg wants it.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
    set(OTHER libetcd.a)
else()
    set(OTHER "libetcd.so*")
endif()

vcpkg_execute_required_process(
    COMMAND "${MAKE}" install "CARGO=${CARGO}"
        "CARGO_TARGET_DIR=${CURRENT_BUILDTREES_DIR}/${TARGET_TRIPLET}-rel"
        "DESTDIR=" "PREFIX=${CURRENT_PACKAGES_DIR}" "DOCDIR=${CURRENT_PACKAGES_DIR}/share/${PORT}"
    WORKING_DIRECTORY "${SOURCE_PATH}"
    LOGNAME "make-install-${TARGET_TRIPLET}"
)

file(GLOB OTHERS "${CURRENT_PACKAGES_DIR}/lib/${OTHER}")
file(REMOVE ${OTHERS})
file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}/tools/${PORT}")
file(RENAME "${CURRENT_PACKAGES_DIR}/bin/etcd-v2-to-v3" "${CURRENT_PACKAGES_DIR}/tools/${PORT}/etcd-v2-to-v3")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/bin" "${CURRENT_PACKAGES_DIR}/share/man")

# The same library serves debug builds.
file(COPY "${CURRENT_PACKAGES_DIR}/lib" DESTINATION "${CURRENT_PACKAGES_DIR}/debug")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/lib/cmake")
vcpkg_cmake_config_fixup(PACKAGE_NAME etcd CONFIG_PATH lib/cmake/etcd)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/THIRD-PARTY.md")
