#include "warmstart/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
const char* const kMetadata = "__metadata__";
const std::string kSum = "xxh3.";
const std::string kHeaderSum = "xxh3.__header__";
const std::string kNoSum(16, '0');  // stands in the header while it is summed
const char* const kRemedy = "the file is damaged: use an older checkpoint, or make it again";

struct DTypeInfo {
  DType dtype;
  const char* name;
  std::size_t size;
};
constexpr DTypeInfo kDTypes[] = {
    {DType::kF32, "F32", 4}, {DType::kF64, "F64", 8}, {DType::kI32, "I32", 4}, {DType::kI64, "I64", 8}, {DType::kU8, "U8", 1}};

const DTypeInfo& info(DType dtype) {
  return *std::find_if(std::begin(kDTypes), std::end(kDTypes), [&](const auto& i) { return i.dtype == dtype; });
}

// bytes that a tensor of this shape holds, or false on overflow
bool byte_count(const std::vector<std::int64_t>& shape, std::size_t item, std::uint64_t& bytes) {
  bytes = item;
  for (const std::int64_t n : shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes)) return false;
  return true;
}

// every failure of one file carries the same path and remedy
struct Reader {
  std::string where;

  [[noreturn]] void fail(const std::string& what, const std::string& remedy = kRemedy) const { throw data_error(what, where, remedy); }

  json parse_header(const std::string& text) const {
    std::set<std::string> names;
    const auto no_duplicates = [&](int depth, json::parse_event_t event, json& parsed) {
      if (depth == 1 && event == json::parse_event_t::key && !names.insert(parsed.get<std::string>()).second)
        fail(fmt::format("tensor \"{}\" is named twice in the header", parsed.get<std::string>()));
      return true;
    };
    try {
      const json header = json::parse(text, no_duplicates);
      if (header.is_object()) return header;
    } catch (const json::exception& error) {
      fail(fmt::format("malformed safetensors header: {}", error.what()));
    }
    fail("malformed safetensors header: not an object");
  }

  std::uint64_t natural(const json& value, const std::string& name, const char* key) const {
    if (!value.is_number_unsigned()) fail(fmt::format("tensor \"{}\": {} holds {}, not a natural number", name, key, value.dump()));
    return value.get<std::uint64_t>();
  }

  const json& key_of(const json& entry, const std::string& name, const char* key) const {
    if (!entry.is_object() || entry.size() != 3 || !entry.contains(key))
      fail(fmt::format("tensor \"{}\": header entry must have dtype, shape and data_offsets", name));
    return entry[key];
  }

  // the header's checksum covers its own text with the sum blanked out
  void check_header(std::string text, const std::string& expected) const {
    const std::string key = fmt::format("\"{}\":\"", kHeaderSum);
    const auto at = text.find(key);
    if (at == std::string::npos || expected.size() != kNoSum.size()) fail("header checksum is malformed");
    text.replace(at + key.size(), kNoSum.size(), kNoSum);
    if (hex(checksum(text)) != expected) fail("header checksum differs");
  }
};

struct Placed {
  std::uint64_t begin = 0, end = 0;
  std::string name;
};

}  // namespace

std::size_t Tensor::count() const {
  std::size_t n = 1;
  for (const std::int64_t s : shape) n *= static_cast<std::size_t>(s);
  return n;
}

std::span<const float> Tensor::f32() const {
  assert(dtype == DType::kF32);
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}
std::span<const double> Tensor::f64() const {
  assert(dtype == DType::kF64);
  return {reinterpret_cast<const double*>(bytes.data()), bytes.size() / sizeof(double)};
}
std::span<const std::int32_t> Tensor::i32() const {
  assert(dtype == DType::kI32);
  return {reinterpret_cast<const std::int32_t*>(bytes.data()), bytes.size() / sizeof(std::int32_t)};
}

Tensor Tensor::from(std::span<const float> values, std::vector<std::int64_t> shape) {
  Tensor t{DType::kF32, std::move(shape), std::vector<std::uint8_t>(values.size_bytes())};
  assert(t.count() == values.size());
  if (!values.empty()) std::memcpy(t.bytes.data(), values.data(), values.size_bytes());
  return t;
}

Tensor Tensor::from_bytes(std::span<const std::uint8_t> bytes) {
  return {DType::kU8, {static_cast<std::int64_t>(bytes.size())}, {bytes.begin(), bytes.end()}};
}

const Tensor& SafeTensors::at(const std::string& name, const std::string& where) const {
  const auto found = tensors.find(name);
  if (found != tensors.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [n, t] : tensors) names.push_back(n);
  const std::string nearest = nearest_name(name, names);
  throw data_error(fmt::format("no tensor \"{}\"", name), where,
                   nearest.empty() ? "the file holds none: it is not what was asked for"
                                   : fmt::format("the nearest one is \"{}\": the file was written for another agent or version", nearest));
}

SafeTensors read_safetensors(const fs::path& path) {
  const std::vector<std::uint8_t> raw = read_bytes(path);
  const Reader reader{path.string()};
  std::uint64_t header_size = 0;
  if (raw.size() < sizeof header_size)
    reader.fail(fmt::format("{} bytes are too few for a safetensors file", raw.size()), "name a .safetensors file, or make it again");
  std::memcpy(&header_size, raw.data(), sizeof header_size);
  if (header_size > kMaxHeader)
    reader.fail(fmt::format("header of {} bytes: not a safetensors file", header_size), "name a .safetensors file");
  if (header_size > raw.size() - sizeof header_size)
    reader.fail(fmt::format("file is truncated: {} bytes, its header alone needs {}", raw.size(), header_size + sizeof header_size));
  const std::string text(reinterpret_cast<const char*>(raw.data()) + sizeof header_size, header_size);
  const std::span<const std::uint8_t> data = std::span(raw).subspan(sizeof header_size + header_size);
  const json header = reader.parse_header(text);

  SafeTensors file;
  std::map<std::string, std::string> sums;  // tensor name -> expected
  if (header.contains(kMetadata)) {
    if (!header[kMetadata].is_object()) reader.fail("metadata is not an object");
    for (const auto& [key, value] : header[kMetadata].items()) {
      if (!value.is_string()) reader.fail(fmt::format("metadata \"{}\" is not text", key));
      if (key == kHeaderSum) reader.check_header(text, value.get<std::string>());
      else if (key.starts_with(kSum)) sums[key.substr(kSum.size())] = value.get<std::string>();
      else file.metadata[key] = value.get<std::string>();
    }
  }
  const bool summed = !sums.empty();
  if (summed && !header[kMetadata].contains(kHeaderSum)) reader.fail("header checksum is missing");

  std::vector<Placed> places;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) continue;
    const json& dtype = reader.key_of(entry, name, "dtype");
    const auto* type = std::find_if(std::begin(kDTypes), std::end(kDTypes), [&](const auto& i) { return dtype == i.name; });
    if (type == std::end(kDTypes))
      reader.fail(fmt::format("tensor \"{}\" has dtype {}", name, dtype.dump()), "convert it to F32, F64, I32, I64 or U8");
    const json& shape = reader.key_of(entry, name, "shape");
    const json& offsets = reader.key_of(entry, name, "data_offsets");
    if (!shape.is_array() || !offsets.is_array() || offsets.size() != 2)
      reader.fail(fmt::format("tensor \"{}\": shape or data_offsets malformed", name));
    Tensor tensor{type->dtype, {}, {}};
    for (const json& n : shape) {
      const std::uint64_t size = reader.natural(n, name, "shape");
      if (size > INT64_MAX) reader.fail(fmt::format("tensor \"{}\": size {} is too large", name, size));
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    const std::uint64_t begin = reader.natural(offsets[0], name, "data_offsets");
    const std::uint64_t end = reader.natural(offsets[1], name, "data_offsets");
    std::uint64_t needed = 0;
    if (begin > end || !byte_count(tensor.shape, type->size, needed) || end - begin != needed)
      reader.fail(fmt::format("tensor \"{}\": offsets {}..{} do not fit its shape", name, begin, end));
    if (end > data.size())
      reader.fail(fmt::format("file is truncated: tensor \"{}\" ends at byte {} of {} data bytes", name, end, data.size()));
    const auto bytes = data.subspan(begin, needed);
    tensor.bytes.assign(bytes.begin(), bytes.end());
    if (summed) {
      const auto sum = sums.extract(name);
      if (sum.empty()) reader.fail(fmt::format("tensor \"{}\" has no checksum though others have", name));
      if (sum.mapped() != hex(checksum(tensor.bytes))) reader.fail(fmt::format("checksum of tensor \"{}\" differs", name));
    }
    file.tensors[name] = std::move(tensor);
    places.push_back({begin, end, name});
  }
  if (!sums.empty()) reader.fail(fmt::format("tensor \"{}\" is missing though its checksum is there", sums.begin()->first));

  // no overlaps, no holes, nothing behind the last tensor: all bytes are accounted for
  std::sort(places.begin(), places.end(),
            [](const Placed& a, const Placed& b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::uint64_t expected = 0;
  for (const Placed& place : places) {
    if (place.begin != expected)
      reader.fail(
          fmt::format("tensor \"{}\" {} the one before it", place.name, place.begin < expected ? "overlaps" : "leaves a hole after"));
    expected = place.end;
  }
  if (expected != data.size()) reader.fail(fmt::format("{} bytes behind the last tensor belong to none", data.size() - expected));
  return file;
}

void write_safetensors(const fs::path& path, const SafeTensors& file) {
  // largest items first: with an aligned start every tensor is then aligned
  std::vector<const std::pair<const std::string, Tensor>*> order;
  for (const auto& item : file.tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return info(a->second.dtype).size > info(b->second.dtype).size; });

  json header = json::object();
  json& metadata = header[kMetadata] = json::object();
  for (const auto& [key, value] : file.metadata) {
    assert(!key.starts_with(kSum));
    metadata[key] = value;
  }
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    assert(!name.starts_with("__"));  // reserved
    [[maybe_unused]] std::uint64_t needed = 0;
    assert(byte_count(tensor.shape, info(tensor.dtype).size, needed) && needed == tensor.bytes.size());
    header[name] = {{"dtype", info(tensor.dtype).name}, {"shape", tensor.shape}, {"data_offsets", {at, at + tensor.bytes.size()}}};
    metadata[kSum + name] = hex(checksum(tensor.bytes));
    at += tensor.bytes.size();
  }
  metadata[kHeaderSum] = kNoSum;
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    throw data_error(fmt::format("a name or metadata text is not UTF-8: {}", error.what()), path.string(), "remove the invalid characters");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::string sum = hex(checksum(text));
  const std::string key = fmt::format("\"{}\":\"", kHeaderSum);
  text.replace(text.find(key) + key.size(), sum.size(), sum);

  const std::uint64_t header_size = text.size();
  std::vector<std::uint8_t> raw(sizeof header_size + text.size() + at);
  std::memcpy(raw.data(), &header_size, sizeof header_size);
  std::memcpy(raw.data() + sizeof header_size, text.data(), text.size());
  std::uint8_t* out = raw.data() + sizeof header_size + text.size();
  for (const auto* item : order) out = std::copy(item->second.bytes.begin(), item->second.bytes.end(), out);
  write_atomically(path, raw);
}

}  // namespace warmstart
