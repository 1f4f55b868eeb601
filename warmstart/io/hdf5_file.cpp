#include "warmstart/io/hdf5_file.h"

#include <fmt/format.h>

#include <fstream>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/hdf5_checks.h"
#include "warmstart/io/hdf5_lzf.h"
#include "warmstart/io/hdf5_reason.h"

namespace warmstart {
namespace {

const char* const kLinkRemedy = "put the missing part in its place, or copy all into one file";

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

Error Hdf5Reader::unreadable(const std::string& key) const {
  const Error reason = hdf5_key_error(key, path_);  // before other calls change the stack
  const std::string link = dangling_link(file_, key, path_);
  if (link.empty()) return reason;
  return data_error(fmt::format("key '{}' is {}", key, link), path_, kLinkRemedy);
}

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
        register_lzf();
        // a file system without locks (some network ones) is no reason not to read
        const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
        H5Pset_file_locking(access, true, true);
        const hid_t id = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access);
        if (id >= 0) return {id, H5Fclose};
        const Error error_here = hdf5_open_error(path_);
        if (!std::ifstream(path)) throw data_error("cannot open dataset file", path_, "check that you may read it");
        throw error_here;
      }()) {}

std::vector<std::string> Hdf5Reader::keys(const std::string& group) const {
  std::vector<std::string> names;
  if (group != "/" && !has(group)) return names;
  const Hdf5Handle g(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!g.valid()) return names;
  const herr_t walked = H5Literate(
      g, H5_INDEX_NAME, H5_ITER_INC, nullptr,
      [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->push_back(name);
        return 0;
      },
      &names);
  if (walked < 0) throw hdf5_key_error(group, path_);
  return names;
}

bool Hdf5Reader::has(const std::string& key) const {
  // H5Lexists needs every parent to exist; a link that leads nowhere is no missing key
  for (std::size_t end = key.find('/', 1);; end = key.find('/', end + 1)) {
    const std::string part = key.substr(0, end);
    if (H5Lexists(file_, part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (H5Oexists_by_name(file_, part.c_str(), H5P_DEFAULT) <= 0) {
      if (const std::string link = dangling_link(file_, part, path_); !link.empty())
        throw data_error(fmt::format("key '{}' is {}", part, link), path_, kLinkRemedy);
      return false;
    }
    if (end == std::string::npos) return true;
  }
}

ArrayShape Hdf5Reader::shape(const std::string& key) const {
  ArrayShape shape;
  const Hdf5Handle object(H5Oopen(file_, key.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.valid()) throw unreadable(key);
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

}  // namespace warmstart
