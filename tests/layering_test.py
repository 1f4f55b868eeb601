#!/usr/bin/env python3
"""The tree is the architecture: checks who includes whom, who sees which library, cycles, file lengths, stray paths.

    tests/layering_test.py [FOLDER]     prints one line per fault; exit code 1 when there is one
    tests/layering_test.py --self-test  plants every kind of fault in a small tree and checks that it is found
"""
import re
import sys
import tempfile
from pathlib import Path

# Which rooms a room may include, besides itself. Dependencies point down only.
ROOMS = {
    "core": set(),
    "io": {"core"},
    "envs": {"core"},
    "nn": {"core"},
    "agents": {"nn", "core"},
    "data": {"io", "core"},
    "diagnostics": {"agents", "data", "nn", "io", "core"},
    "phases": {"diagnostics", "agents", "nn", "envs", "data", "io", "core"},
    "studies": {"phases", "diagnostics", "agents", "nn", "envs", "data", "io", "core"},
    "apps": {"studies", "phases", "diagnostics", "agents", "nn", "envs", "data", "io", "core"},
}
# Headers that are vocabulary: agents speak of a Batch, but know nothing of where it comes from.
ALSO = {"agents": {"warmstart/data/batch.h"}}
# ... and such a header may include core only.
VOCABULARY = {"warmstart/data/batch.h"}

# The part of a room that a program needs which only acts (warmstart/policy.h): ROOM_act links such parts and core, nothing else.
PART = "_act"

# Third-party headers, and the only rooms (or folders) that may see them.
LIBRARIES = [
    (r"mujoco/", ["envs"]),
    (r"hdf5|H5\w*\.h|highfive/|zip\.h|lzf\.h|toml\+\+/|google/protobuf|onnx|png\.h|gif_lib\.h", ["io"]),
    (r"dnnl|oneapi/dnnl|cblas|openblas|mkl", ["nn"]),
    (r"Eigen/", ["nn", "envs"]),
    (r"cuda|cublas|curand|cudnn", ["nn/cuda"]),
    (r"CLI/|httplib\.h", ["apps"]),
    (r"Random123/|xxhash", ["core"]),
    (r"gtest/|gmock/|benchmark/", []),
]

# core is below reinforcement learning; it must read as if it served any program.
RL_WORDS = set("""agent agents policy policies reward rewards episode episodes env envs actor critic critics observation
    observations transition transitions replay rollout discount offline online pretrain finetune warmup mujoco sac cql wsrl""".split())

MAX_LINES = 450
SOURCES = {".h", ".cpp", ".inc", ".cu", ".cuh"}
COUNTED = SOURCES | {".py", ".sh", ".cmake"}
TEXT = COUNTED | {".md", ".txt", ".toml", ".json", ".in", ".yml", ""}
SKIP = {".git", ".venv", "build", "runs", "data", "__pycache__", ".cache"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)
LINKS = re.compile(r"(?:warmstart_room|target_link_libraries)\s*\(\s*(?:warmstart_)?(\w+)([^)]*)\)")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:home|root|work|Users|mnt)/\w")


def walk(root):
    """Files of the tree that people write; folders at the top that tools write are left out."""
    for path in sorted(root.rglob("*")):
        rel = path.relative_to(root)
        if rel.parts[0] in SKIP or "__pycache__" in rel.parts or rel.parts[0].startswith("build"):
            continue
        if path.is_file() and not path.is_symlink():
            yield path, rel


def words_of(text):
    """Lower-case words, with snake_case and CamelCase taken apart; "environment variable" is no RL word."""
    return {w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)}


def check_includes(name, room, text):
    for header in INCLUDE.findall(text):
        if header.startswith("warmstart/"):
            if name in VOCABULARY and not header.startswith("warmstart/core/"):
                yield f"{name} includes {header}: a vocabulary header may use core only"
            target = header.split("/")[1]
            if target not in ROOMS:
                yield f"{name} includes {header}: there is no room {target}"
            elif target != room and target not in ROOMS[room] and header not in ALSO.get(room, ()):
                yield f"{name} includes {header}: {room} may use {', '.join(sorted(ROOMS[room])) or 'no other room'}"
        for pattern, rooms in LIBRARIES:
            if re.match(pattern, header) and not any(name.startswith(f"warmstart/{r}/") for r in rooms):
                yield f"{name} includes {header}: " + (f"only {' and '.join(rooms)} may" if rooms else "only tests and benches may")


def check_links(name, room, text):
    text = re.sub(r"#.*", "", text)
    for target, body in LINKS.findall(text):
        if target.removesuffix(PART) != room:
            continue
        for other in re.findall(r"\bwarmstart_(\w+)", body):
            whole = other.removesuffix(PART)
            if whole in ROOMS and whole != room and whole not in ROOMS[room]:
                yield f"{name}: {target} links {other}"
            elif target.endswith(PART) and other in ROOMS and other != "core":
                yield f"{name}: {target} links {other}: a program that only acts needs no more than core and the parts for it"
        if target.endswith(PART):
            for library in re.findall(r"\b(?:hdf5|DNNL|mujoco|PNG|GIF|PkgConfig::libzip)\b", body):
                yield f"{name}: {target} links {library}"


def check_cycles(graph):
    state, stack, faults = {}, [], []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for other in graph.get(node, ()):
            if state.get(other) == "open":
                faults.append("include cycle: " + " -> ".join(stack[stack.index(other):] + [other]))
            elif other not in state:
                visit(other)
        stack.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return faults


def faults_of(root):
    faults, graph = [], {}
    for path, rel in walk(root):
        name = rel.as_posix()
        if path.suffix not in TEXT:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                faults.append(f"{name}:{number} names a folder of one machine: {line.strip()[:80]}")
        if path.suffix in COUNTED and text.count("\n") > MAX_LINES:
            faults.append(f"{name} has {text.count(chr(10))} lines: split it, {MAX_LINES} at most")
        if rel.parts[0] != "warmstart" or len(rel.parts) < 3:
            continue
        room = rel.parts[1]
        if room not in ROOMS:
            faults.append(f"{name}: there is no room {room} in tests/layering_test.py")
            continue
        if path.name == "CMakeLists.txt":
            faults += check_links(name, room, text)
        if path.suffix not in SOURCES:
            continue
        faults += check_includes(name, room, text)
        graph[name] = [h for h in INCLUDE.findall(text) if h.startswith("warmstart/") and h != name]
        if room == "core":
            found = sorted(words_of(text) & RL_WORDS)
            if found:
                faults.append(f"{name} speaks of {', '.join(found)}: core knows no reinforcement learning")
    return faults + check_cycles(graph)


def self_test():
    good = {
        "warmstart/core/files.h": "// environment variable\n#include <string>\nint getenv_or(int);\n",
        "warmstart/data/batch.h": '#include "warmstart/core/files.h"\n',
        "warmstart/agents/sac.cpp": '#include "warmstart/data/batch.h"\n#include "warmstart/nn/net.h"\n',
        "warmstart/nn/net.h": "#include <dnnl.h>\n",
        "warmstart/envs/maze.cpp": "#include <mujoco/mujoco.h>\n",
        "warmstart/apps/main.cpp": '#include <CLI/CLI.hpp>\n#include "warmstart/agents/sac.h"\n',
        "docs/a.md": "see docs/my/work and $HOME/work and https://example.org/home/x\n",
    }
    bad = {  # file, content, what the fault says
        "upward include": ("warmstart/nn/a.h", '#include "warmstart/agents/sac.h"\n', "nn may use core"),
        "agents sees envs": ("warmstart/agents/a.cpp", '#include "warmstart/envs/env.h"\n', "agents may use core, nn"),
        "agents sees the buffer": ("warmstart/agents/b.cpp", '  #  include "warmstart/data/replay.h"\n', "agents may use"),
        "envs sees nn": ("warmstart/envs/a.cpp", '#include "warmstart/nn/net.h"\n', "envs may use core"),
        "vocabulary grows": ("warmstart/data/batch.h", '#include "warmstart/io/d4rl.h"\n', "vocabulary"),
        "unknown room": ("warmstart/apps/a.cpp", '#include "warmstart/misc/a.h"\n', "there is no room misc"),
        "room not listed": ("warmstart/misc/a.h", "int a;\n", "there is no room misc"),
        "mujoco outside envs": ("warmstart/apps/b.cpp", "#include <mujoco/mujoco.h>\n", "only envs may"),
        "hdf5 outside io": ("warmstart/data/a.cpp", "#include <hdf5.h>\n", "only io may"),
        "libzip outside io": ("warmstart/data/b.cpp", "#include <zip.h>\n", "only io may"),
        "toml outside io": ("warmstart/phases/a.cpp", "#include <toml++/toml.h>\n", "only io may"),
        "dnnl outside nn": ("warmstart/agents/c.cpp", "#include <dnnl.h>\n", "only nn may"),
        "Eigen outside nn and envs": ("warmstart/agents/d.cpp", "#include <Eigen/QR>\n", "only nn"),
        "CUDA outside nn/cuda": ("warmstart/nn/cpu/a.cpp", "#include <cuda_runtime.h>\n", "only nn/cuda may"),
        "CLI11 outside apps": ("warmstart/phases/b.cpp", "#include <CLI/CLI.hpp>\n", "only apps may"),
        "gtest in the library": ("warmstart/core/a.h", "#include <gtest/gtest.h>\n", "only tests"),
        "RL word in core": ("warmstart/core/b.h", "struct RewardScale {};\n", "speaks of reward"),
        "RL word in a comment": ("warmstart/core/c.h", "// one per env_step\n", "speaks of env"),
        "link upward": ("warmstart/nn/CMakeLists.txt", "warmstart_room(nn SOURCES a.cpp NEEDS warmstart_data)\n", "nn links data"),
        "part links upward": ("warmstart/nn/CMakeLists.txt", "warmstart_room(nn_act SOURCES a.cpp NEEDS warmstart_data)\n", "nn_act links data"),
        "part links a whole room": ("warmstart/agents/CMakeLists.txt", "warmstart_room(agents_act SOURCES a.cpp NEEDS warmstart_nn)\n",
                                    "agents_act links nn"),
        "part links MuJoCo": ("warmstart/phases/CMakeLists.txt", "target_link_libraries(warmstart_phases_act PRIVATE mujoco)\n",
                              "phases_act links mujoco"),
        "long file": ("warmstart/core/d.h", "\n" * (MAX_LINES + 1), "lines: split it"),
        "long script": ("scripts/a.sh", "\n" * (MAX_LINES + 1), "lines: split it"),
        "machine path": ("docs/b.md", "cd " + "/" + "home/someone/x\n", "names a folder of one machine"),
        "machine path in text": ("scripts/b.sh", "X=" + "/" + "work/x\n", "names a folder of one machine"),
    }
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def write(name, text):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

        for name, text in good.items():
            write(name, text)
        missed += [f"fault in a good tree: {f}" for f in faults_of(root)]
        for title, (name, text, says) in bad.items():
            write(name, text)
            if not any(says in f for f in faults_of(root)):
                missed.append(f"not found: {title} ({name})")
            (root / name).unlink()
            if name in good:
                write(name, good[name])
        write("warmstart/nn/x.h", '#include "warmstart/nn/y.h"\n')
        write("warmstart/nn/y.h", '#include "warmstart/nn/x.h"\n')
        if not any("x.h -> warmstart/nn/y.h -> warmstart/nn/x.h" in f for f in faults_of(root)):
            missed.append("not found: include cycle")
    return missed, len(bad) + 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        missed, planted = self_test()
        print("\n".join(missed) or f"layering self-test: all {planted} planted faults found")
        return bool(missed)
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent.parent
    faults = faults_of(root)
    print("\n".join(faults) or "layering: ok")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
