#include "warmstart/io/npz.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/flat_steps.h"

namespace warmstart {
namespace {

const char* const kDamaged = "the file is damaged; copy or write it again";

/// What the header of a .npy array says.
struct Header {
  ArrayShape shape;
  char code = 0;                ///< numpy's kind of number: f, i, u, b
  std::string refusal, remedy;  ///< why its values cannot be read, if so
};

struct CloseFile {
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};
using Entry = std::unique_ptr<zip_file_t, CloseFile>;

template <class T, class To>
void widen(const std::uint8_t* bytes, std::span<To> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    out[i] = static_cast<To>(value);
  }
}

template <class To>
void convert(const Header& h, const std::uint8_t* bytes, std::span<To> out) {
  switch (h.code * 16 + static_cast<int>(h.shape.value_bytes)) {
    case 'f' * 16 + 4:
      return widen<float>(bytes, out);
    case 'f' * 16 + 8:
      return widen<double>(bytes, out);
    case 'b' * 16 + 1:
    case 'u' * 16 + 1:
      return widen<std::uint8_t>(bytes, out);
    case 'u' * 16 + 2:
      return widen<std::uint16_t>(bytes, out);
    case 'u' * 16 + 4:
      return widen<std::uint32_t>(bytes, out);
    case 'u' * 16 + 8:
      return widen<std::uint64_t>(bytes, out);
    case 'i' * 16 + 1:
      return widen<std::int8_t>(bytes, out);
    case 'i' * 16 + 2:
      return widen<std::int16_t>(bytes, out);
    case 'i' * 16 + 4:
      return widen<std::int32_t>(bytes, out);
    case 'i' * 16 + 8:
      return widen<std::int64_t>(bytes, out);
  }
}

// what follows `'name':` in the header, a Python dict of literals
std::string header_value(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("'" + name + "':");
  if (at == std::string::npos) return "";
  const std::size_t begin = text.find_first_not_of(' ', at + name.size() + 3);
  if (begin == std::string::npos) return "";
  const char first = text[begin], close = first == '(' ? ')' : first == '[' ? ']' : first == '\'' ? '\'' : ',';
  const std::size_t end = text.find(close, begin + 1);
  return end == std::string::npos ? "" : text.substr(begin, end - begin + (close != ','));
}

/// False when `text` is no header.
bool parse_header(const std::string& text, Header& h) {
  const std::string type = header_value(text, "descr"), order = header_value(text, "fortran_order"), shape = header_value(text, "shape");
  if (type.empty() || shape.size() < 2 || shape[0] != '(' || (order != "True" && order != "False")) return false;
  for (std::size_t i = 1; i < shape.size();) {
    if (shape[i] >= '0' && shape[i] <= '9') {
      std::size_t value = 0, digits = 0;
      for (; shape[i] >= '0' && shape[i] <= '9'; ++i) {
        if (++digits > 18) return false;
        value = value * 10 + static_cast<std::size_t>(shape[i] - '0');
      }
      h.shape.dims.push_back(value);
    } else if (shape[i] == ',' || shape[i] == ' ' || shape[i] == ')') {
      ++i;
    } else {
      return false;
    }
  }
  h.shape.type = type;
  char byte_order = 0;
  int bytes = 0, end = 0;
  if (std::sscanf(type.c_str(), "'%c%c%4d'%n", &byte_order, &h.code, &bytes, &end) == 3 && static_cast<std::size_t>(end) == type.size() &&
      std::strchr("fiub", h.code) && bytes > 0 && bytes <= 16) {
    h.shape.kind = ArrayKind::kNumber;
    h.shape.value_bytes = static_cast<std::size_t>(bytes);
    if (byte_order == '>') h.refusal = "is big-endian, " + type, h.remedy = "write it with .astype('<f4')";
    else if (!(h.code == 'f'   ? bytes == 4 || bytes == 8
               : h.code == 'b' ? bytes == 1
                               : bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8))
      h.refusal = "has numbers of type " + type, h.remedy = "write it with .astype(numpy.float32)";
  }
  if (type.find("|O") != std::string::npos)
    h.refusal = "is an array of Python objects", h.remedy = "rows of different length cannot be read: write plain float arrays";
  else if (order == "True" && h.shape.dims.size() > 1)
    h.refusal = "is in Fortran order", h.remedy = "write it with numpy.ascontiguousarray(...)";
  return true;
}

class NpzFile : public ArrayFile {
 public:
  explicit NpzFile(const std::filesystem::path& path) : path_(path.string()) {
    int error = 0;
    archive_.reset(zip_open(path_.c_str(), ZIP_RDONLY, &error));
    if (!archive_) {
      zip_error_t reason;
      zip_error_init_with_code(&reason, error);
      const std::string text = zip_error_strerror(&reason);
      zip_error_fini(&reason);
      throw data_error("not a readable NPZ file: " + text, path_, "it is truncated or damaged; copy or write it again");
    }
    for (zip_int64_t i = 0, n = zip_get_num_entries(archive_.get(), 0); i < n; ++i) {
      const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
      const std::string text = name ? name : "";
      if (text.size() <= 4 || !text.ends_with(".npy")) {
        if (!text.ends_with('/')) others_.push_back(text);
        continue;
      }
      // a ZIP archive may hold a name twice; numpy reads the last one, others the first
      const std::string key = text.substr(0, text.size() - 4);
      if (!arrays_.emplace(key, Array{static_cast<zip_uint64_t>(i)}).second)
        throw data_error("two arrays are named '" + key + "'", path_, "write the file anew with one numpy.savez");
    }
    if (arrays_.empty()) refuse_other_zip();
    for (auto& [key, array] : arrays_) read_header(key, array);
  }

  std::string path() const override { return path_; }
  bool has(const std::string& key) const override { return arrays_.contains(key); }
  std::vector<std::string> keys(const std::string& group) const override {
    const std::string prefix = group == "/" ? "" : group + "/";
    std::set<std::string> names;
    for (const auto& [key, array] : arrays_)
      if (key.starts_with(prefix)) names.insert(key.substr(prefix.size(), key.find('/', prefix.size()) - prefix.size()));
    return {names.begin(), names.end()};
  }
  ArrayShape shape(const std::string& key) const override {
    const auto found = arrays_.find(key);
    if (found == arrays_.end()) return {.kind = ArrayKind::kGroup, .type = "group"};
    const Header& h = found->second.header;
    // objects beside the steps, as strings are, are nothing that a transition needs
    const bool beside = h.shape.kind != ArrayKind::kNumber && (key.starts_with("infos/") || key.starts_with("metadata/"));
    if (!h.refusal.empty() && !beside) throw data_error("key '" + key + "' " + h.refusal, path_, h.remedy);
    return h.shape;
  }
  void read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const override {
    read_values(key, first, count, out);
  }
  void read(const std::string& key, std::span<double> out) const override {
    const ArrayShape s = shape(key);
    read_values(key, 0, s.dims.empty() ? 1 : s.dims[0], out);
  }
  std::string read_text(const std::string&) const override { return ""; }
  std::vector<std::pair<std::string, std::string>> text_attributes() const override { return {}; }
  std::vector<std::string> notes() const override {
    if (others_.empty()) return {};
    return {"not used, as they are no .npy arrays: " + join(others_)};
  }

 private:
  struct Array {
    zip_uint64_t index = 0;
    Header header = {};
    Entry entry = {};      ///< open while it is being read
    std::size_t next = 0;  ///< row that comes next from it
  };
  struct CloseArchive {
    void operator()(zip_t* z) const { zip_discard(z); }
  };

  Error damaged(const std::string& key, const std::string& why) const {
    return data_error("cannot read key '" + key + "': " + why, path_, kDamaged);
  }

  [[noreturn]] void refuse_other_zip() const {
    std::vector<std::string> names;
    bool torch = false;
    for (zip_int64_t i = 0, n = std::min<zip_int64_t>(zip_get_num_entries(archive_.get(), 0), 5); i < n; ++i) {
      const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0);
      names.emplace_back(name ? name : "");
      torch = torch || names.back() == "data.pkl" || names.back().ends_with("/data.pkl");
    }
    if (torch)
      throw data_error(
          "dataset file is PyTorch's, a ZIP archive around a pickle; reading one runs code that it holds, so Warmstart does not", path_,
          "\"Pickles\" in docs/formats/other.md makes an NPZ file of one that you trust");
    throw data_error(fmt::format("a ZIP archive without .npy arrays; it holds {}", names.empty() ? "nothing" : join(names)), path_,
                     "unpack it (unzip FILE) and give the dataset inside, or write arrays with numpy.savez");
  }

  void get(const std::string& key, zip_file_t* entry, void* out, std::size_t bytes) const {
    for (std::size_t done = 0; done < bytes;) {
      const zip_int64_t n = zip_fread(entry, static_cast<char*>(out) + done, std::min<std::size_t>(bytes - done, std::size_t{1} << 28));
      if (n < 0) throw damaged(key, zip_error_strerror(zip_file_get_error(entry)));
      if (n == 0) throw damaged(key, "it ends too early");
      done += static_cast<std::size_t>(n);
    }
  }

  Entry open(const std::string& key, const Array& array) const {
    Entry entry(zip_fopen_index(archive_.get(), array.index, 0));
    if (!entry) throw damaged(key, zip_strerror(archive_.get()));
    return entry;
  }

  // leaves `entry` at the first value
  std::string header_text(const std::string& key, zip_file_t* entry, std::size_t* bytes) const {
    std::uint8_t head[12] = {};
    get(key, entry, head, 10);
    if (std::memcmp(head, "\x93NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3) throw damaged(key, "it is no .npy array");
    std::size_t size = head[8] + 256u * head[9], fixed = 10;
    if (head[6] > 1) get(key, entry, head + 10, 2), size += (head[10] + 256u * head[11]) << 16, fixed = 12;
    if (size > 65536) throw damaged(key, "its header is too long");
    std::string text(size, '\0');
    get(key, entry, text.data(), size);
    *bytes = fixed + size;
    return text;
  }

  void read_header(const std::string& key, Array& array) const {
    const Entry entry = open(key, array);
    std::size_t bytes = 0;
    if (!parse_header(header_text(key, entry.get(), &bytes), array.header)) throw damaged(key, "its header cannot be understood");
    const Header& h = array.header;
    if (h.shape.kind != ArrayKind::kNumber) return;
    check_value_count(path_, key, h.shape);
    zip_stat_t stat;
    if (zip_stat_index(archive_.get(), array.index, 0, &stat) == 0 && (stat.valid & ZIP_STAT_SIZE) &&
        stat.size != bytes + h.shape.count() * h.shape.value_bytes)
      throw damaged(key, fmt::format("shape {} does not fit its {} bytes", h.shape.text(), stat.size));
  }

  template <class To>
  void read_values(const std::string& key, std::size_t first, std::size_t count, std::span<To> out) const {
    Array& array = arrays_.at(key);
    const Header& h = array.header;
    const std::size_t row_bytes = h.shape.row_values() * h.shape.value_bytes;
    const std::size_t rows = h.shape.dims.empty() ? 1 : h.shape.dims[0];
    if (!array.entry || array.next > first) {
      array.entry = open(key, array), array.next = 0;
      std::size_t unused = 0;
      header_text(key, array.entry.get(), &unused);
    }
    for (; array.next < first; ++array.next) {
      buffer_.resize(row_bytes);
      get(key, array.entry.get(), buffer_.data(), row_bytes);
    }
    buffer_.resize(count * row_bytes);
    get(key, array.entry.get(), buffer_.data(), buffer_.size());
    convert(h, buffer_.data(), out);
    array.next += count;
    char beyond = 0;
    // the checksum is compared where the data end
    if (array.next == rows && zip_fread(array.entry.get(), &beyond, 1) != 0)
      throw damaged(key, zip_error_strerror(zip_file_get_error(array.entry.get())));
  }

  std::string path_;
  std::vector<std::string> others_;  ///< entries that are no arrays
  std::unique_ptr<zip_t, CloseArchive> archive_;
  mutable std::map<std::string, Array> arrays_;  // entries move on while they are read
  mutable std::vector<std::uint8_t> buffer_;
};

}  // namespace

std::unique_ptr<ArrayFile> open_npz(const std::filesystem::path& path) { return std::make_unique<NpzFile>(path); }

}  // namespace warmstart
