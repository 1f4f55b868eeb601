#include "warmstart/io/hdf5_lzf.h"

#include <hdf5.h>
#include <lzf.h>

#include <cerrno>
#include <cstddef>

namespace warmstart {
namespace {

constexpr H5Z_filter_t kLzf = 32000;  // as registered with the HDF Group
// parameters that h5py stores: version of the filter, version of liblzf, bytes of an unpacked chunk
constexpr std::size_t kChunkBytes = 2;

// 0: cannot be unpacked. The buffer is HDF5's; a new one takes its place.
std::size_t unpack(unsigned flags, std::size_t count, const unsigned* values, std::size_t packed, std::size_t* size, void** buffer) {
  if (!(flags & H5Z_FLAG_REVERSE)) return 0;
  std::size_t room = count > kChunkBytes && values[kChunkBytes] ? values[kChunkBytes] : *size;
  for (constexpr std::size_t kMost = std::size_t{1} << 31; room > 0 && room <= kMost; room *= 2) {
    void* out = H5allocate_memory(room, false);
    if (!out) return 0;
    const unsigned got = lzf_decompress(*buffer, static_cast<unsigned>(packed), out, static_cast<unsigned>(room));
    if (got) {
      H5free_memory(*buffer);
      *buffer = out, *size = room;
      return got;
    }
    H5free_memory(out);
    if (errno != E2BIG) return 0;
  }
  return 0;
}

}  // namespace

void register_lzf() {
  static const H5Z_class2_t kClass = {H5Z_CLASS_T_VERS, kLzf, 0, 1, "lzf", nullptr, nullptr, unpack};
  if (H5Zfilter_avail(kLzf) <= 0) H5Zregister(&kClass);
}

}  // namespace warmstart
