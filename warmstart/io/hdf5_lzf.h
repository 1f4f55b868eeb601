// h5py's filter lzf, which HDF5 itself does not bring. Internal to io/.
#pragma once

namespace warmstart {

/// Teaches the HDF5 library to unpack lzf, once a process; writing with it is not supported. Hold `hdf5_mutex()`.
void register_lzf();

}  // namespace warmstart
