# Owns libraries of CUDA that answer "no device", so that torch's build for GPUs loads on a machine without one. Knows no vLLM.
"""stub_cuda.py SITE_PACKAGES: beside torch's own libraries, one for each of CUDA's that they name. Needs gcc and readelf."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

NAMED_LIKE_CUDA = re.compile(r"lib(cuda|cud|cublas|cufft|cufile|cupti|curand|cusolver|cusparse|nccl|nvrtc|nvJitLink|nvshmem|nvToolsExt)")
CALLED_LIKE_CUDA = re.compile(r"(__cuda|cu[A-Za-z_]|nccl|nvrtc|nvJitLink|nvshmem|nvtx)")
NO_DEVICE = 100


def main(site: Path) -> None:
    folder = site / "torch" / "lib"
    wishes = Wishes()
    for file in sorted(folder.glob("*.so*")):
        if not NAMED_LIKE_CUDA.match(file.name):
            wishes.read(file)
    if not wishes.libraries:
        raise SystemExit(f"{folder}: no library there asks for one of CUDA's")
    for library in sorted(wishes.libraries):
        build(folder / library, wishes)


class Wishes:
    """What torch's libraries want of CUDA's."""

    def __init__(self) -> None:
        self.libraries: set[str] = set()
        # A library has names of versions, a version has symbols. A symbol may also be wanted without either.
        self.versions: dict[str, set[str]] = {}
        self.symbols: dict[str, set[str]] = {}
        self.bare: set[str] = set()
        self.defined: set[str] = set()

    def read(self, file: Path) -> None:
        needed = re.findall(r"\(NEEDED\).*\[(.+?)\]", readelf("--dynamic", file))
        self.libraries.update(name for name in needed if NAMED_LIKE_CUDA.match(name))
        self.read_versions(readelf("--version-info", file))
        self.read_symbols(readelf("--dyn-syms", file))

    def read_versions(self, text: str) -> None:
        library = ""
        for line in text.splitlines():
            if found := re.search(r"\bFile: (\S+)", line):
                library = found[1]
            elif (found := re.search(r"\bName: (\S+)", line)) and NAMED_LIKE_CUDA.match(library):
                self.versions.setdefault(library, set()).add(found[1])

    def read_symbols(self, text: str) -> None:
        for line in text.splitlines():
            columns = line.split()
            if len(columns) < 8 or not columns[0].rstrip(":").isdigit():
                continue
            binding, section = columns[4], columns[6]
            name, _, version = columns[7].partition("@")
            if section != "UND":
                self.defined.add(name)
            elif version:
                self.symbols.setdefault(version.lstrip("@"), set()).add(name)
            elif binding != "WEAK" and CALLED_LIKE_CUDA.match(name):
                self.bare.add(name)

    def of(self, library: str) -> dict[str, set[str]]:
        return {version: self.symbols.get(version, set()) for version in sorted(self.versions.get(library, ()))}


def build(file: Path, wishes: Wishes) -> None:
    versions = wishes.of(file.name)
    names = set().union(*versions.values())
    # Whoever asks for no version takes the symbol from any library that is loaded.
    if file.name.startswith("libcudart"):
        names |= wishes.bare - wishes.defined - set().union(*wishes.symbols.values())
    with tempfile.TemporaryDirectory() as place:
        source, script = Path(place, "stub.c"), Path(place, "stub.map")
        source.write_text("\n".join(function(name) for name in sorted(names)))
        script.write_text("\n".join(f"{version} {{ global: {listed(symbols)} }};" for version, symbols in versions.items()))
        words = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{file.name}", "-o", str(file), str(source)]
        subprocess.run(words + ([f"-Wl,--version-script,{script}"] if versions else []), check=True)


def listed(symbols: set[str]) -> str:
    return " ".join(f"{name};" for name in sorted(symbols)) or "none;"


def function(name: str) -> str:
    is_text = "GetError" in name and "Last" not in name
    return f'const char *{name}(void) {{ return "stub"; }}' if is_text else f"long {name}(void) {{ return {NO_DEVICE}; }}"


def readelf(what: str, file: Path) -> str:
    return subprocess.run(["readelf", "--wide", what, str(file)], capture_output=True, text=True, check=True).stdout


main(Path(sys.argv[1]))
