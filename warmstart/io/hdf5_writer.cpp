#include "warmstart/io/hdf5_writer.h"

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/io/hdf5_reason.h"

namespace warmstart {
namespace {

Hdf5Handle checked(hid_t id, Hdf5Handle::Close close, const std::string& where) {
  if (id < 0) throw machine_error("HDF5 failed: " + hdf5_reason().innermost, where, "free memory and try again");
  return {id, close};
}

void check(herr_t result, const std::string& where) {
  if (result < 0) throw machine_error("HDF5 failed: " + hdf5_reason().innermost, where, "free memory and try again");
}

}  // namespace

Hdf5Writer::Hdf5Writer()
    : file_([]() -> Hdf5Handle {
        const Hdf5Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "access list");
        check(H5Pset_fapl_core(access, std::size_t{4} << 20, false), "memory file");
        return checked(H5Fcreate("dataset.hdf5", H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose, "memory file");
      }()) {}

void Hdf5Writer::group(const std::string& name) {
  checked(H5Gcreate2(file_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose, name);
}

void Hdf5Writer::write_array(const std::string& key, hid_t file_type, hid_t memory_type, const void* values, std::size_t rows,
                             std::size_t cols) {
  const hsize_t dims[2] = {rows, cols};
  const int rank = cols ? 2 : 1;
  const Hdf5Handle space = checked(H5Screate_simple(rank, dims, nullptr), H5Sclose, key);
  const Hdf5Handle create = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, key);
  if (rows > 0) {
    // about 256 KiB per chunk: large enough to compress well, small enough to read in parts
    const std::size_t row_bytes = H5Tget_size(file_type) * (cols ? cols : 1);
    const hsize_t chunk[2] = {std::clamp<std::size_t>((std::size_t{256} << 10) / row_bytes, 1, rows), cols};
    check(H5Pset_chunk(create, rank, chunk), key);
    check(H5Pset_deflate(create, 4), key);
  }
  const Hdf5Handle dataset = checked(H5Dcreate2(file_, key.c_str(), file_type, space, H5P_DEFAULT, create, H5P_DEFAULT), H5Dclose, key);
  if (rows > 0) check(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), key);
}

void Hdf5Writer::write(const std::string& key, std::span<const float> values, std::size_t rows, std::size_t cols) {
  write_array(key, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, values.data(), rows, cols);
}
void Hdf5Writer::write(const std::string& key, std::span<const double> values, std::size_t rows, std::size_t cols) {
  write_array(key, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data(), rows, cols);
}

void Hdf5Writer::write_flags(const std::string& key, std::span<const std::uint8_t> values) {
  const Hdf5Handle type = checked(H5Tenum_create(H5T_STD_I8LE), H5Tclose, key);
  const std::int8_t no = 0, yes = 1;
  check(H5Tenum_insert(type, "FALSE", &no), key);
  check(H5Tenum_insert(type, "TRUE", &yes), key);
  std::vector<std::int8_t> flags(values.begin(), values.end());
  for (auto& f : flags) f = f != 0;  // any other value is no member of the enum
  write_array(key, type, type, flags.data(), flags.size(), 0);
}

void Hdf5Writer::write_text(const std::string& key, const std::string& value) {
  const Hdf5Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, key);
  check(H5Tset_size(type, std::max<std::size_t>(value.size(), 1)), key);
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), key);
  check(H5Tset_cset(type, H5T_CSET_UTF8), key);
  const Hdf5Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, key);
  const Hdf5Handle dataset = checked(H5Dcreate2(file_, key.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose, key);
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.c_str()), key);
}

std::vector<std::uint8_t> Hdf5Writer::image() {
  check(H5Fflush(file_, H5F_SCOPE_GLOBAL), "memory file");
  const ssize_t size = H5Fget_file_image(file_, nullptr, 0);
  check(size < 0 ? -1 : 0, "memory file");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  check(H5Fget_file_image(file_, bytes.data(), bytes.size()) < 0 ? -1 : 0, "memory file");
  return bytes;
}

}  // namespace warmstart
