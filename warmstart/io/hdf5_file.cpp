#include "warmstart/io/hdf5_file.h"

#include <algorithm>
#include <fstream>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

// the innermost line of HDF5's error stack says most ("file signature not found", "inflate() failed")
std::string last_reason() {
  std::string reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned n, const H5E_error2_t* line, void* out) -> herr_t {
        if (n == 0 && line->desc) *static_cast<std::string*>(out) = line->desc;
        return 0;
      },
      &reason);
  return reason.empty() ? "HDF5 gives no reason" : reason;
}

Hdf5Handle checked(hid_t id, Hdf5Handle::Close close, const std::string& where) {
  if (id < 0) throw machine_error("HDF5 failed: " + last_reason(), where, "free memory and try again");
  return {id, close};
}

void check(herr_t result, const std::string& where) {
  if (result < 0) throw machine_error("HDF5 failed: " + last_reason(), where, "free memory and try again");
}

std::string text_value(hid_t type, const Hdf5Handle& memory_type, auto&& read) {
  std::string value;
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (read(memory_type, &text) >= 0 && text) {
      value = text;
      H5free_memory(text);
    }
  } else {
    value.resize(H5Tget_size(memory_type));
    if (read(memory_type, value.data()) < 0) return "";
    value = value.substr(0, value.find('\0'));
  }
  return value;
}

}  // namespace

std::mutex& hdf5_mutex() {
  static std::mutex mutex;
  return mutex;
}

SilencedHdf5::SilencedHdf5() {
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}
SilencedHdf5::~SilencedHdf5() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

std::string ArrayShape::text() const {
  std::vector<std::string> parts;
  for (const auto d : dims) parts.push_back(std::to_string(d));
  return "(" + join(parts) + (dims.size() == 1 ? ",)" : ")");
}

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path)
    : path_(path.string()), file_([&]() -> Hdf5Handle {
        std::error_code error;
        if (!std::filesystem::exists(path, error))
          throw data_error("dataset file does not exist", path_, "check the path (--data, or data.path in the recipe)");
        if (std::filesystem::is_directory(path, error))
          throw data_error("dataset path is a folder, not a file", path_,
                           "name the data file inside it; a Minari folder holds data/main_data.hdf5");
        const hid_t id = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
        if (id >= 0) return {id, H5Fclose};
        const std::string reason = last_reason();
        if (!std::ifstream(path)) throw data_error("cannot open dataset file", path_, "check that you may read it");
        if (reason.find("truncated") != std::string::npos)
          throw data_error("dataset file is truncated: " + reason, path_, "copy or download it again");
        throw data_error("not a readable HDF5 file: " + reason, path_,
                         "give a D4RL or Minari HDF5 file, an NPZ file or a pack, or copy it again if it was damaged");
      }()) {}

std::vector<std::string> Hdf5Reader::keys(const std::string& group) const {
  std::vector<std::string> names;
  if (group != "/" && !has(group)) return names;
  const Hdf5Handle g(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!g.valid()) return names;
  H5Literate(
      g, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->push_back(name);
        return 0;
      },
      &names);
  return names;
}

bool Hdf5Reader::has(const std::string& key) const {
  // H5Lexists needs every parent to exist
  for (std::size_t slash = key.find('/', 1); slash != std::string::npos; slash = key.find('/', slash + 1))
    if (H5Lexists(file_, key.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
  return H5Lexists(file_, key.c_str(), H5P_DEFAULT) > 0 && H5Oexists_by_name(file_, key.c_str(), H5P_DEFAULT) > 0;
}

ArrayShape Hdf5Reader::shape(const std::string& key) const {
  ArrayShape shape;
  const Hdf5Handle object(H5Oopen(file_, key.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.valid())
    throw data_error("cannot read key '" + key + "': " + last_reason(), path_, "the file is damaged; copy or download it again");
  if (H5Iget_type(object) != H5I_DATASET) {
    shape.kind = H5Iget_type(object) == H5I_GROUP ? ArrayKind::kGroup : ArrayKind::kOther;
    shape.type = shape.kind == ArrayKind::kGroup ? "group" : "named type";
    return shape;
  }
  const Hdf5Handle type(H5Dget_type(object), H5Tclose), space(H5Dget_space(object), H5Sclose);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      shape.kind = ArrayKind::kNumber, shape.type = "integer";
      break;
    case H5T_FLOAT:
      shape.kind = ArrayKind::kNumber, shape.type = "float";
      break;
    case H5T_ENUM:
      shape.kind = ArrayKind::kNumber, shape.type = "enum";
      break;
    case H5T_STRING:
      shape.kind = ArrayKind::kText, shape.type = "string";
      break;
    case H5T_COMPOUND:
      shape.type = "compound";
      break;
    case H5T_REFERENCE:
      shape.type = "reference";
      break;
    case H5T_VLEN:
      shape.type = "variable-length";
      break;
    default:
      shape.type = "opaque";
      break;
  }
  shape.value_bytes = H5Tget_size(type);
  const int rank = H5Sget_simple_extent_ndims(space);
  if (H5Sget_simple_extent_type(space) == H5S_NULL || rank < 0) {
    shape.kind = ArrayKind::kOther, shape.type = "empty";
    return shape;
  }
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  shape.dims.assign(dims.begin(), dims.end());
  return shape;
}

void Hdf5Reader::read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const {
  if (out.empty()) return;
  const Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
  const Hdf5Handle space(dataset.valid() ? H5Dget_space(dataset) : -1, H5Sclose);
  const int rank = space.valid() ? H5Sget_simple_extent_ndims(space) : 0;
  bool good = rank > 0;
  if (good) {
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank)), start(dims.size(), 0);
    H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    start[0] = first, dims[0] = count;
    const hsize_t values = out.size();
    const Hdf5Handle memory(H5Screate_simple(1, &values, nullptr), H5Sclose);
    good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, dims.data(), nullptr) >= 0 &&
           H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, out.data()) >= 0;
  }
  if (!good) throw data_error("cannot read key '" + key + "': " + last_reason(), path_, "the file is damaged; copy or download it again");
}

void Hdf5Reader::read(const std::string& key, std::span<double> out) const {
  if (out.empty()) return;
  const Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.valid() || H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) < 0)
    throw data_error("cannot read key '" + key + "': " + last_reason(), path_, "the file is damaged; copy or download it again");
}

std::string Hdf5Reader::read_text(const std::string& key) const {
  if (shape(key).count() != 1) return "";
  const Hdf5Handle dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  const Hdf5Handle memory(H5Tcopy(type), H5Tclose);
  return text_value(type, memory, [&](hid_t t, void* out) { return H5Dread(dataset, t, H5S_ALL, H5S_ALL, H5P_DEFAULT, out); });
}

std::vector<std::pair<std::string, std::string>> Hdf5Reader::text_attributes() const {
  std::vector<std::string> names;
  H5Aiterate2(
      file_, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->push_back(name);
        return 0;
      },
      &names);
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& name : names) {
    const Hdf5Handle attribute(H5Aopen(file_, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Hdf5Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) continue;
    const Hdf5Handle memory(H5Tcopy(type), H5Tclose);
    found.emplace_back(name, text_value(type, memory, [&](hid_t t, void* out) { return H5Aread(attribute, t, out); }));
  }
  return found;
}

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
