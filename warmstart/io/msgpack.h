// MessagePack (msgpack.org) as a list of its leaves.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace warmstart {

struct MsgpackBytes {
  std::vector<std::uint8_t> bytes;
  int extension = -1;  ///< the application's type code, 0 to 255; -1 for plain bytes
};

struct MsgpackLeaf {
  std::string path;                                                     ///< keys joined by '/'; items of a sequence count from 0
  std::variant<std::int64_t, double, std::string, MsgpackBytes> value;  ///< booleans are 0 and 1
};

/// The leaves in the order of the bytes; nil is left out. `error` is "" or says what is wrong with `bytes`; the leaves are then
/// those before it.
std::vector<MsgpackLeaf> parse_msgpack(std::span<const std::uint8_t> bytes, std::string& error);

}  // namespace warmstart
