"""Writes one small dataset as HDF5 in the ways that HDF5 has: make_hdf5_cases.py FOLDER. Needs h5py."""
import os
import sys

import h5py
import numpy as np

os.chdir(sys.argv[1])
rng = np.random.default_rng(0)
T = 3000
data = dict(observations=rng.normal(size=(T, 5)).round(1), actions=rng.uniform(-1, 1, (T, 2)), rewards=rng.normal(size=T),
            terminals=np.zeros(T, bool), timeouts=np.arange(T) % 50 == 49)


def write(name, skip=(), libver=None, **how):
    f = h5py.File(f"{name}.hdf5", "w", libver=libver)
    for key, value in data.items():
        if key not in skip:
            f.create_dataset(key, data=value, **(how if value.ndim == 2 else {}))
    return f


write("plain").close()
write("gzip", compression="gzip", shuffle=True, fletcher32=True, chunks=(700, 1)).close()
write("lzf", compression="lzf", shuffle=True).close()
write("scaled", scaleoffset=3).close()
if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP) and h5py.h5z.get_filter_info(h5py.h5z.FILTER_SZIP) & h5py.h5z.FILTER_CONFIG_ENCODE_ENABLED:
    write("szip", compression="szip").close()
write("latest", libver="latest").close()
write("v110", libver=("earliest", "v110")).close()

# a filter that nobody has: the chunks are written as they would come from it
f = write("filter", skip=["observations"])
create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
create.set_chunk((T, 5))
create.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
d = h5py.h5d.create(f.id, b"observations", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((T, 5)), create)
d.write_direct_chunk((0, 0), b"\x28\xb5\x2f\xfd" * 10)
f.close()

# sources elsewhere
with h5py.File("part.hdf5", "w") as f:
    f["o"] = data["observations"]
layout = h5py.VirtualLayout((T, 5), "f8")
layout[:] = h5py.VirtualSource("part.hdf5", "o", (T, 5))
for name in ("virtual", "virtual_gone", "virtual_short"):
    here = h5py.VirtualLayout((T, 5), "f8")
    here[:] = h5py.VirtualSource({"virtual": "part.hdf5", "virtual_gone": "gone.hdf5", "virtual_short": "short.hdf5"}[name], "o", (T, 5))
    with write(name, skip=["observations"]) as f:
        f.create_virtual_dataset("observations", here)
with h5py.File("short.hdf5", "w") as f:
    f["o"] = data["observations"][:-100]
half = h5py.VirtualLayout((T, 5), "f8")
half[: T // 2] = h5py.VirtualSource("part.hdf5", "o", (T, 5))[: T // 2]
with write("virtual_half", skip=["observations"]) as f:
    f.create_virtual_dataset("observations", half)
for name, target in {"external": "part.hdf5", "external_gone": "gone.hdf5"}.items():
    with write(name, skip=["observations"]) as f:
        f["observations"] = h5py.ExternalLink(target, "/o")
with write("soft_gone", skip=["observations"]) as f:
    f["observations"] = h5py.SoftLink("/somewhere/else")
with write("soft", skip=["observations"]) as f:
    f["kept/here"] = data["observations"]
    f["observations"] = h5py.SoftLink("/kept/here")
data["observations"].tofile("values.raw")
data["observations"][:-1].tofile("short.raw")
for name, raw in {"raw": "values.raw", "raw_gone": "gone.raw", "raw_short": "short.raw"}.items():
    with write(name, skip=["observations"]) as f:
        f.create_dataset("observations", (T, 5), "f8", external=[(raw, 0, T * 5 * 8)])

# never written
with write("unwritten", skip=["observations"]) as f:
    f.create_dataset("observations", (T, 5), "f8")
with write("stopped", skip=["rewards"]) as f:
    f.create_dataset("rewards", (T,), "f8", chunks=(500,), compression="gzip")
    f["rewards"][:1000] = data["rewards"][:1000]
with write("flags", skip=["terminals"]) as f:
    f.create_dataset("terminals", (T,), bool)
with h5py.File("none.hdf5", "w"):
    pass
with write("huge", skip=["observations"]) as f:
    f.create_dataset("observations", (2**40, 5), "f8", chunks=(1024, 5), compression="gzip")
with h5py.File("many.hdf5", "w") as f:
    for key, value in data.items():
        f.create_dataset(key, (2**30, *value.shape[1:]), value.dtype, chunks=(2**20, *value.shape[1:]), compression="gzip")
# 1,024 numbers a row, almost all zero: 400 MB in 2 MB
wide = np.zeros((50_000, 1024))
wide[np.arange(50_000), rng.integers(0, 1024, 50_000)] = 1
with h5py.File("wide.hdf5", "w") as f:
    f.create_dataset("observations", data=wide, compression="gzip")
    f["actions"], f["rewards"] = np.zeros((50_000, 1)), np.zeros(50_000)
    f["terminals"], f["timeouts"] = np.zeros(50_000, bool), np.arange(50_000) % 100 == 99
