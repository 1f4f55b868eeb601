#include "warmstart/io/flax_checkpoint.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/io/msgpack.h"

namespace warmstart {
namespace {

using Bytes = std::vector<std::uint8_t>;

// whatever flax can restore, it can also save as one file
const char* const kConvert =
    "convert it, with the Python that wrote it: python -c \"import sys; from flax import serialization as s; "
    "from flax.training import checkpoints as c; "
    "open('one-file.msgpack', 'wb').write(s.msgpack_serialize(c.restore_checkpoint(sys.argv[1], None)))\" FOLDER";
const char* const kDamaged = "copy the file again, or take another checkpoint";
const std::string kChunked = "__msgpack_chunked_array__";
enum Extension : int { kArray = 1, kComplex = 2, kScalar = 3 };  // flax's own numbers

// bytes of one number, 0 for types that nothing here can read
std::size_t item_size(const std::string& dtype) {
  if (dtype == "float64" || dtype == "int64" || dtype == "uint64") return 8;
  if (dtype == "float32" || dtype == "int32" || dtype == "uint32") return 4;
  return dtype == "bfloat16" ? 2 : 0;
}

// the numbers a shape stands for, or false on overflow
bool count_of(const std::vector<std::int64_t>& shape, std::size_t& count) {
  count = 1;
  for (const std::int64_t n : shape)
    if (n < 0 || __builtin_mul_overflow(count, static_cast<std::size_t>(n), &count)) return false;
  return true;
}

template <class T>
FlaxArray number(const char* dtype, T value) {
  FlaxArray out{dtype, {}, Bytes(sizeof value)};
  std::memcpy(out.bytes.data(), &value, sizeof value);
  return out;
}

struct Reader {
  std::string where;

  [[noreturn]] void fail(const std::string& what, const std::string& path, const std::string& remedy = kDamaged) const {
    throw data_error(what, where + (path.empty() ? "" : ", " + path), remedy);
  }

  // flax packs an array as (shape, name of its type, bytes)
  FlaxArray array(const Bytes& packed, const std::string& path) const {
    std::string error;
    FlaxArray out;
    std::vector<MsgpackLeaf> leaves = parse_msgpack(packed, error);
    for (MsgpackLeaf& leaf : leaves) {
      if (auto* n = std::get_if<std::int64_t>(&leaf.value); n && leaf.path.starts_with("0/")) out.shape.push_back(*n);
      else if (auto* text = std::get_if<std::string>(&leaf.value); text && leaf.path == "1") out.dtype = std::move(*text);
      else if (auto* data = std::get_if<MsgpackBytes>(&leaf.value); data && leaf.path == "2") out.bytes = std::move(data->bytes);
      else error = "unknown packing";
    }
    if (!error.empty() || out.dtype.empty()) fail("an array is broken", path);
    check_size(out, path);
    return out;
  }

  void check_size(const FlaxArray& a, const std::string& path) const {
    const std::size_t item = item_size(a.dtype);
    std::size_t count = 0;
    if (!count_of(a.shape, count) || (item && (a.bytes.size() % item || a.bytes.size() / item != count)))
      fail("an array's bytes do not fit its shape", path);
  }

  FlaxArray convert(MsgpackLeaf& leaf) const {
    if (auto* n = std::get_if<std::int64_t>(&leaf.value)) return number("int64", *n);
    if (auto* x = std::get_if<double>(&leaf.value)) return number("float64", *x);
    if (auto* text = std::get_if<std::string>(&leaf.value)) {
      // orbax keeps such an array in a folder of its own
      if (text->starts_with("PLACEHOLDER://")) fail("the array is not in this file", leaf.path, kConvert);
      return {"text", {}, Bytes(text->begin(), text->end())};
    }
    MsgpackBytes& data = std::get<MsgpackBytes>(leaf.value);
    if (data.extension == kArray || data.extension == kScalar) return array(data.bytes, leaf.path);
    return {data.extension == kComplex ? "complex128" : "bytes", {}, std::move(data.bytes)};
  }

  // An array too large for MessagePack comes as a map of its shape and its pieces, in order.
  void join_chunks(std::map<std::string, FlaxArray>& arrays) const {
    std::vector<std::string> found;
    for (const auto& [path, array] : arrays)
      if (path.ends_with("/" + kChunked)) found.push_back(path);
    for (const std::string& mark : found) {
      const std::string base = mark.substr(0, mark.size() - kChunked.size());
      const auto take = [&](const std::string& path) {
        auto node = arrays.extract(path);
        return node.empty() ? FlaxArray{} : std::move(node.mapped());
      };
      take(mark);
      FlaxArray whole;
      for (int i = 0; arrays.contains(base + "shape/" + std::to_string(i)); ++i) {
        const FlaxArray n = take(base + "shape/" + std::to_string(i));
        if (n.dtype != "int64" || !n.shape.empty()) fail("an array in pieces has a broken shape", base);
        whole.shape.push_back(0);
        std::memcpy(&whole.shape.back(), n.bytes.data(), sizeof(std::int64_t));
      }
      for (int i = 0; arrays.contains(base + "chunks/" + std::to_string(i)); ++i) {
        FlaxArray chunk = take(base + "chunks/" + std::to_string(i));
        if (i > 0 && chunk.dtype != whole.dtype) fail("an array's pieces are of different types", base);
        whole.dtype = chunk.dtype;
        whole.bytes.insert(whole.bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
      }
      check_size(whole, base);
      arrays[base.substr(0, base.size() - 1)] = std::move(whole);
    }
  }
};

// The file in a folder that orbax wrote for one step; arrays of one device are all in it.
fs::path file_of(const fs::path& path) {
  const std::string name = path.string();
  if (!fs::exists(path)) throw data_error("no such checkpoint", name, "give a file or folder that flax's save_checkpoint wrote");
  if (!fs::is_directory(path)) return path;
  if (name.find(".orbax-checkpoint-tmp") != std::string::npos)
    throw data_error("a checkpoint whose writing was interrupted", name, "take another one");
  if (fs::is_regular_file(path / "checkpoint")) return path / "checkpoint";
  std::string newest;
  double last = -1;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string file = entry.path().filename().string();
    const auto under = file.rfind('_');
    double step = -1;  // steps may be written as 1e6
    if (under == std::string::npos || file.starts_with("_")) continue;
    const auto [end, code] = std::from_chars(file.data() + under + 1, file.data() + file.size(), step);
    if (code == std::errc() && end == file.data() + file.size() && step > last) last = step, newest = entry.path().string();
  }
  if (!newest.empty()) throw data_error("a folder of checkpoints", name, "name one of them, for example " + newest);
  throw data_error("no file named checkpoint in this folder", name, kConvert);
}

}  // namespace

FlaxCheckpoint read_flax_checkpoint(const fs::path& path) {
  const fs::path file = file_of(path);
  const Reader reader{file.string()};
  std::string error;
  std::vector<MsgpackLeaf> leaves = parse_msgpack(read_bytes(file), error);
  if (!error.empty())
    reader.fail("not a whole Flax checkpoint, " + error, "", "give a file or folder that flax's save_checkpoint wrote, or copy it again");
  FlaxCheckpoint out{file.string(), {}};
  for (MsgpackLeaf& leaf : leaves) {
    if (!out.arrays.emplace(leaf.path, reader.convert(leaf)).second) reader.fail("the same name twice", leaf.path);
    leaf = {};  // large files need not lie here twice
  }
  reader.join_chunks(out.arrays);
  return out;
}

const FlaxArray& FlaxCheckpoint::at(const std::string& path) const {
  const auto found = arrays.find(path);
  if (found == arrays.end()) throw data_error("missing in the checkpoint", where + ", " + path, "take a checkpoint that has it");
  return found->second;
}

std::vector<float> FlaxCheckpoint::floats(const std::string& path) const {
  const FlaxArray& a = at(path);
  if (a.dtype != "float32" && a.dtype != "float64" && a.dtype != "bfloat16")
    throw data_error("an array of type " + a.dtype, where + ", " + path, "save it as float32, float64 or bfloat16");
  const auto each = [&]<class T>(T item, auto&& convert) {
    std::vector<float> out(a.bytes.size() / sizeof item);
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::memcpy(&item, a.bytes.data() + i * sizeof item, sizeof item);
      out[i] = convert(item);
    }
    return out;
  };
  std::vector<float> out;
  if (a.dtype == "float32") out = each(float{}, [](float x) { return x; });
  else if (a.dtype == "float64") out = each(double{}, [](double x) { return static_cast<float>(x); });
  else out = each(std::uint16_t{}, [](std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); });  // a float's upper half
  for (const float x : out)
    if (!std::isfinite(x)) throw data_error("a number is not finite", where + ", " + path, "that run diverged: take an earlier checkpoint");
  return out;
}

std::int64_t FlaxCheckpoint::integer(const std::string& path) const {
  const FlaxArray& a = at(path);
  const auto read = [&]<class T>(T value) {
    std::memcpy(&value, a.bytes.data(), sizeof value);
    return static_cast<std::int64_t>(value);
  };
  if (a.shape.empty() && a.dtype == "int32") return read(std::int32_t{});
  if (a.shape.empty() && a.dtype == "uint32") return read(std::uint32_t{});
  if (a.shape.empty() && a.dtype == "int64") return read(std::int64_t{});
  throw data_error("not one whole number", where + ", " + path, kDamaged);
}

}  // namespace warmstart
