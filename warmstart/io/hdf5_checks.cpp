#include "warmstart/io/hdf5_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "warmstart/core/error.h"
#include "warmstart/io/hdf5_reason.h"

namespace warmstart {
namespace {

struct Filter {
  int id;
  const char *name, *package;  ///< Debian package of its plugin, or null
};
// https://github.com/HDFGroup/hdf5_plugins: the registered numbers
constexpr Filter kFilters[] = {{4, "szip", nullptr},
                               {307, "bzip2", "hdf5-filter-plugin"},
                               {32000, "lzf", "hdf5-plugin-lzf"},
                               {32001, "blosc", "hdf5-filter-plugin-blosc-serial"},
                               {32004, "lz4", "hdf5-filter-plugin"},
                               {32008, "bitshuffle", nullptr},
                               {32013, "zfp", "hdf5-filter-plugin-zfp-serial"},
                               {32015, "zstd", nullptr},
                               {32017, "sz", nullptr},
                               {32026, "blosc2", nullptr}};

void check_filters(hid_t create, const std::string& key, const std::string& path) {
  for (int i = 0, n = H5Pget_nfilters(create); i < n; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    std::array<char, 128> name = {};
    const H5Z_filter_t id =
        H5Pget_filter2(create, static_cast<unsigned>(i), &flags, &values, nullptr, name.size() - 1, name.data(), &config);
    if (id < 0 || H5Zfilter_avail(id) > 0) continue;
    const auto known = std::find_if(std::begin(kFilters), std::end(kFilters), [&](const Filter& f) { return f.id == id; });
    const bool found = known != std::end(kFilters);
    const std::string text = found ? known->name : name[0] ? std::string(name.data()) : std::string("an unnamed filter");
    const std::string install = found && known->package ? fmt::format("`apt-get install {}`, or ", known->package) : "";
    throw data_error(fmt::format("key '{}' is compressed with {} (HDF5 filter {}), which is not installed", key, text, id), path,
                     install + "write the file anew with compression='gzip': \"Filters\" in docs/formats/hdf5.md");
  }
}

namespace fs = std::filesystem;

/// `name` as HDF5 looks for it: a relative one beside `path` first, then in the working folder; an absolute one that is not there beside
/// `path` as well. "" when it is nowhere.
std::string find_beside(const std::string& name, const std::string& path) {
  std::error_code error;
  const fs::path file(name), folder = fs::path(path).parent_path();
  for (const fs::path& place : {file.is_absolute() ? file : folder / file, file.is_absolute() ? folder / file.filename() : file})
    if (fs::exists(place, error)) return place.string();
  return "";
}

Error missing_source(const std::string& key, const std::string& what, const std::string& name, const std::string& path) {
  return data_error(fmt::format("key '{}' {} file '{}', which is missing", key, what, name), path,
                    "put that file beside this one (or where its name says), or copy all into one file with h5repack or h5py");
}

std::string text_of(auto&& get) {
  const ssize_t size = get(nullptr, 0);
  if (size <= 0) return "";
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  get(text.data(), text.size());
  text.resize(static_cast<std::size_t>(size));
  return text;
}

void check_virtual(hid_t dataset, hid_t create, const std::string& key, const std::string& path) {
  std::size_t count = 0;
  H5Pget_virtual_count(create, &count);
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
  hssize_t covered = 0;
  bool patterns = false;  // "%b" stands for a number: as many files as there are
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = text_of([&](char* out, std::size_t size) { return H5Pget_virtual_filename(create, i, out, size); });
    const std::string inside = text_of([&](char* out, std::size_t size) { return H5Pget_virtual_dsetname(create, i, out, size); });
    const Hdf5Handle part(H5Pget_virtual_vspace(create, i), H5Sclose), from(H5Pget_virtual_srcspace(create, i), H5Sclose);
    if (name.find("%b") != std::string::npos || inside.find("%b") != std::string::npos) {
      patterns = true;
      continue;
    }
    // an unlimited mapping goes as far as its source
    if (const hssize_t points = H5Sget_select_npoints(part); points > 0) covered += points;
    else patterns = true;
    if (name == ".") continue;
    const std::string place = find_beside(name, path);
    if (place.empty()) throw missing_source(key, "is a virtual dataset of", name, path);
    const Hdf5Handle source(H5Fopen(place.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!source.valid()) throw hdf5_open_error(place);
    const Hdf5Handle there(H5Dopen2(source, inside.c_str(), H5P_DEFAULT), H5Dclose);
    if (!there.valid())
      throw data_error(fmt::format("key '{}' is a virtual dataset of '{}' in file '{}', which has no such dataset", key, inside, name),
                       path, "give the file that the virtual dataset was made for");
    // what lies beyond the source's end would be read as the fill value
    const Hdf5Handle has(H5Dget_space(there), H5Sclose);
    std::array<hsize_t, H5S_MAX_RANK> low = {}, high = {}, dims = {};
    const int rank = H5Sget_simple_extent_dims(has, dims.data(), nullptr);
    if (H5Sget_select_npoints(from) <= 0 || H5Sget_select_type(from) == H5S_SEL_ALL || H5Sget_simple_extent_ndims(from) != rank ||
        H5Sget_select_bounds(from, low.data(), high.data()) < 0)
      continue;
    for (std::size_t d = 0; d < static_cast<std::size_t>(rank); ++d)
      if (high[d] >= dims[d])
        throw data_error(fmt::format("key '{}' is a virtual dataset of rows up to {} of '{}' in file '{}', which has {}", key, high[d] + 1,
                                     inside, name, dims[d]),
                         path, "give the file that the virtual dataset was made for");
    check_sources(there, inside, place);
  }
  const hssize_t all = H5Sget_simple_extent_npoints(space);
  if (!patterns && covered < all)
    throw data_error(fmt::format("key '{}' is a virtual dataset with sources for {} of its {} values", key, covered, all), path,
                     "make it again with a source for every row");
}

void check_external(hid_t create, const std::string& key, const std::string& path) {
  for (int i = 0, n = H5Pget_external_count(create); i < n; ++i) {
    std::array<char, 4096> name = {};
    off_t offset = 0;
    hsize_t size = 0;
    if (H5Pget_external(create, static_cast<unsigned>(i), name.size() - 1, name.data(), &offset, &size) < 0) continue;
    const std::string place = find_beside(name.data(), path);
    if (place.empty()) throw missing_source(key, "has its values in", name.data(), path);
    std::error_code error;
    const auto there = fs::file_size(place, error);
    if (size != H5F_UNLIMITED && !error && there < static_cast<std::uintmax_t>(offset) + size)
      throw data_error(fmt::format("key '{}' has {} bytes of values in file '{}', which has {} bytes", key, size, name.data(), there), path,
                       "copy that file again");
  }
}

std::string external_name(hid_t create) {
  std::array<char, 4096> name = {};
  off_t offset = 0;
  hsize_t size = 0;
  if (H5Pget_external_count(create) <= 0 || H5Pget_external(create, 0, name.size() - 1, name.data(), &offset, &size) < 0) return "";
  return name.data();
}

std::size_t product(const std::array<hsize_t, H5S_MAX_RANK>& values, int rank) {
  std::size_t n = 1;
  for (int i = 0; i < rank; ++i) n *= values[static_cast<std::size_t>(i)];
  return n;
}

}  // namespace

void check_sources(hid_t dataset, const std::string& key, const std::string& path) {
  const Hdf5Handle create(H5Dget_create_plist(dataset), H5Pclose);
  if (!create.valid()) throw hdf5_key_error(key, path);
  check_filters(create, key, path);
  const H5D_layout_t layout = H5Pget_layout(create);
  if (layout == H5D_VIRTUAL) return check_virtual(dataset, create, key, path);
  if (H5Pget_external_count(create) > 0) return check_external(create, key, path);
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  const hsize_t stored = H5Dget_storage_size(dataset);
  if (!error && layout != H5D_COMPACT && stored > bytes)
    throw data_error(fmt::format("key '{}' claims {} bytes of a file of {}", key, stored, bytes), path,
                     "the file is truncated or damaged; copy or download it again");
}

bool external_beside(hid_t dataset, const std::string& path) {
  const Hdf5Handle create(H5Dget_create_plist(dataset), H5Pclose);
  const std::string name = create.valid() ? external_name(create) : "";
  std::error_code error;
  return !name.empty() && fs::path(name).is_relative() && fs::exists(fs::path(path).parent_path() / name, error);
}

Unwritten find_unwritten(hid_t dataset) {
  Unwritten result;
  const Hdf5Handle create(H5Dget_create_plist(dataset), H5Pclose), space(H5Dget_space(dataset), H5Sclose);
  const H5D_layout_t layout = create.valid() ? H5Pget_layout(create) : H5D_COMPACT;
  if (layout == H5D_COMPACT || layout == H5D_VIRTUAL || H5Pget_external_count(create) > 0) return result;
  if (H5Sget_simple_extent_npoints(space) <= 0) return result;
  result.all = H5Dget_storage_size(dataset) == 0;
  if (result.all || layout != H5D_CHUNKED) return result;

  std::array<hsize_t, H5S_MAX_RANK> dims = {}, chunk = {}, across = {}, at = {};
  const int rank = H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  if (rank <= 0 || H5Pget_chunk(create, rank, chunk.data()) != rank) return result;
  for (std::size_t d = 0; d < static_cast<std::size_t>(rank); ++d) across[d] = (dims[d] + chunk[d] - 1) / chunk[d];
  hsize_t written = 0;
  const std::size_t expected = product(across, rank);
  if (H5Dget_num_chunks(dataset, H5S_ALL, &written) < 0 || written >= expected) return result;
  result.chunks = expected - written;
  // the first hole, going through the chunks in the order of rows
  for (std::size_t i = 0; i < expected; ++i) {
    std::size_t left = i;
    for (int d = rank - 1; d >= 0; --d) {
      const auto k = static_cast<std::size_t>(d);
      at[k] = left % across[k] * chunk[k], left /= across[k];
    }
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    if (H5Dget_chunk_info_by_coord(dataset, at.data(), &mask, &address, &size) >= 0 && address != HADDR_UNDEF) continue;
    result.first_row = at[0];
    break;
  }
  return result;
}

std::string dangling_link(hid_t file, const std::string& key, const std::string& path) {
  H5L_info_t link = {};
  if (H5Lget_info(file, key.c_str(), &link, H5P_DEFAULT) < 0 || link.type == H5L_TYPE_HARD) return "";
  std::string value(link.u.val_size + 1, '\0');
  if (H5Lget_val(file, key.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0) return "a link that cannot be read";
  if (link.type == H5L_TYPE_SOFT) return fmt::format("a soft link to '{}', which is missing", value.c_str());
  unsigned flags = 0;
  const char *target = nullptr, *object = nullptr;
  if (link.type != H5L_TYPE_EXTERNAL || H5Lunpack_elink_val(value.data(), link.u.val_size, &flags, &target, &object) < 0)
    return "a link of a kind of its own";
  const bool there = !find_beside(target, path).empty();
  return there ? fmt::format("an external link to '{}' in file '{}', where it cannot be opened", object, target)
               : fmt::format("an external link to '{}' in file '{}', which is missing", object, target);
}

}  // namespace warmstart
