# How far it was tested: `conan inspect` and `conan export` with Conan 2.34; no package was built with it.
from conan import ConanFile
from conan.tools.files import copy, get, rmdir
from conan.errors import ConanInvalidConfiguration
import os


class LibetcdConan(ConanFile):
    name = "libetcd"
    version = "0.2.0"
    description = "A C client library for etcd's v2 and v3 APIs"
    license = "MIT OR Apache-2.0"
    homepage = "https://github.com/libetcd/libetcd"
    url = "https://github.com/libetcd/libetcd"
    topics = ("etcd", "client", "grpc")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("libetcd is for Linux")

    def configure(self):
        # The interface is C's.
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    # The recipe of a project's own tree takes the tree; a copy elsewhere takes the release.
    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        if os.path.exists(os.path.join(root, "Cargo.toml")):
            copy(self, "*", root, self.export_sources_folder, excludes=["target/*", ".git/*"])

    def source(self):
        if not os.path.exists(os.path.join(self.source_folder, "Cargo.toml")):
            get(self, f"{self.homepage}/archive/v{self.version}.tar.gz", strip_root=True)

    def _make(self, target, *arguments):
        places = {"CARGO_TARGET_DIR": self.build_folder, "DESTDIR": "", "PREFIX": self.package_folder,
                  "DOCDIR": os.path.join(self.package_folder, "licenses")}
        words = [f'{name}="{place}"' for name, place in places.items()]
        self.run(" ".join(["make", target, *words]), cwd=self.source_folder)

    def build(self):
        self._make("all")

    def package(self):
        self._make("install")
        lib = os.path.join(self.package_folder, "lib")
        for name in os.listdir(lib):
            if name.startswith("libetcd.a" if self.options.shared else "libetcd.so"):
                os.remove(os.path.join(lib, name))
        # Conan makes its own.
        for name in ("cmake", "pkgconfig"):
            rmdir(self, os.path.join(lib, name))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.libs = ["etcd"]
        self.cpp_info.set_property("cmake_file_name", "etcd")
        self.cpp_info.set_property("cmake_target_name", "etcd::etcd" if self.options.shared else "etcd::etcd-static")
        self.cpp_info.set_property("pkg_config_name", "etcd")
        if not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "m", "dl", "rt", "util"]
