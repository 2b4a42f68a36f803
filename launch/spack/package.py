"""A recipe for Spack. In a repository of your own (`spack repo create DIR`), put this file at
packages/sibp-dist/package.py, and `spack repo add DIR`; then `spack dev-build sibp-dist@main` in the project's folder, or
`spack install sibp-dist` once `git` below names where you keep the sources."""

from spack.package import *


class SibpDist(CMakePackage, CudaPackage):
    """Distributed training of neural networks by semi-implicit back propagation, over MPI."""

    homepage = "https://arxiv.org/abs/2002.03516"
    git = "file:///path/to/sibp_dist"

    license("MIT")

    version("main", branch="main")

    variant("onednn", default=False, description="Convolutions on processors by oneDNN")

    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("ninja", type="build")
    depends_on("mpi@3:")
    depends_on("blas")
    depends_on("lapack")
    depends_on("eigen@3.4:")
    depends_on("boost@1.71: +program_options+random")
    depends_on("fmt")
    depends_on("spdlog")
    depends_on("nlohmann-json")
    depends_on("zlib-api")
    depends_on("openssl")
    depends_on("xxhash")
    depends_on("hwloc@2:")
    depends_on("libzip")
    depends_on("onednn@2", when="+onednn")
    depends_on("cuda@12:", when="+cuda")
    depends_on("nccl@2.14:", when="+cuda")
    requires("^[virtuals=blas,lapack] openblas", "^[virtuals=blas,lapack] intel-oneapi-mkl", policy="one_of")
    conflicts("%gcc@:10", msg="C++20 needs GCC 11 or newer")

    generator("ninja")

    def cmake_args(self):
        on_or_off = {True: "on", False: "off"}
        args = [
            self.define("SIBP_TESTS", False),
            self.define("SIBP_BLAS", "mkl" if self.spec.satisfies("^[virtuals=blas] intel-oneapi-mkl") else "openblas"),
            self.define("SIBP_ONEDNN", on_or_off[self.spec.satisfies("+onednn")]),
            self.define("SIBP_GPU", on_or_off[self.spec.satisfies("+cuda")]),
        ]
        architectures = self.spec.variants["cuda_arch"].value if self.spec.satisfies("+cuda") else ("none",)
        if architectures != ("none",):
            args.append(self.define("CMAKE_CUDA_ARCHITECTURES", ";".join(architectures)))
        return args
