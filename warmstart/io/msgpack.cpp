#include "warmstart/io/msgpack.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace warmstart {
namespace {

using nlohmann::json;

// The parser calls itself for every level, so levels are limited.
class Leaves : public nlohmann::json_sax<json> {
 public:
  std::vector<MsgpackLeaf> leaves;
  std::string error;

  bool null() override { return next(); }
  bool boolean(bool x) override { return add(std::int64_t{x}); }
  bool number_integer(std::int64_t x) override { return add(x); }
  bool number_unsigned(std::uint64_t x) override { return add(static_cast<std::int64_t>(x)); }
  bool number_float(double x, const std::string&) override { return add(x); }
  bool string(std::string& x) override { return add(std::move(x)); }
  bool binary(json::binary_t& x) override {
    const int extension = x.has_subtype() ? static_cast<int>(x.subtype()) : -1;
    return add(MsgpackBytes{std::move(x), extension});
  }
  bool start_object(std::size_t) override { return open(kMap); }
  bool start_array(std::size_t) override { return open(0); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    levels_.back().name = name;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const json::exception&) override {
    error = fmt::format("broken at byte {}", at);
    return false;
  }

 private:
  static constexpr std::size_t kMaxLevels = 64;
  static constexpr std::int64_t kMap = -1;
  struct Level {
    std::string name;
    std::int64_t index = kMap;  ///< of a sequence's next item
  };

  bool open(std::int64_t index) {
    levels_.push_back({"", index});
    if (levels_.size() > kMaxLevels) error = fmt::format("more than {} levels deep", kMaxLevels);
    return error.empty();
  }
  bool close() {
    levels_.pop_back();
    return next();
  }
  bool next() {
    if (!levels_.empty() && levels_.back().index != kMap) ++levels_.back().index;
    return true;
  }
  template <class T>
  bool add(T value) {
    std::string path;
    for (const Level& level : levels_) {
      if (!path.empty()) path += '/';
      path += level.index == kMap ? level.name : std::to_string(level.index);
    }
    leaves.push_back({std::move(path), std::move(value)});
    return next();
  }

  std::vector<Level> levels_;
};

}  // namespace

std::vector<MsgpackLeaf> parse_msgpack(std::span<const std::uint8_t> bytes, std::string& error) {
  Leaves handler;
  if (!json::sax_parse(bytes.begin(), bytes.end(), &handler, json::input_format_t::msgpack) && handler.error.empty())
    handler.error = "broken";
  error = handler.error;
  return std::move(handler.leaves);
}

}  // namespace warmstart
