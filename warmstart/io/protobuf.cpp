#include "warmstart/io/protobuf.h"

#include <bit>
#include <cstring>

#include "warmstart/core/error.h"

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

namespace warmstart {
namespace {

enum Wire { kVarint = 0, kEightBytes = 1, kLength = 2, kFourBytes = 5 };

template <class T>
void append(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

void ProtoWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) data_ += static_cast<char>(value | 0x80);
  data_ += static_cast<char>(value);
}

void ProtoWriter::key(int field, int wire) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire)); }

ProtoWriter& ProtoWriter::integer(int field, std::int64_t value) {
  key(field, kVarint), varint(static_cast<std::uint64_t>(value));
  return *this;
}

ProtoWriter& ProtoWriter::real(int field, float value) {
  key(field, kFourBytes), append(data_, value);
  return *this;
}

ProtoWriter& ProtoWriter::real64(int field, double value) {
  key(field, kEightBytes), append(data_, value);
  return *this;
}

ProtoWriter& ProtoWriter::bytes(int field, std::string_view value) {
  key(field, kLength), varint(value.size());
  data_ += value;
  return *this;
}

float ProtoField::real() const {
  float value = 0;
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string_view ProtoReader::take(std::uint64_t size) {
  if (size > rest_.size()) throw data_error("the file ends in the middle of a field", where_, "make the file again");
  const std::string_view part = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return part;
}

std::uint64_t ProtoReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(take(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw data_error("a number of more than 64 bits", where_, "make the file again");
}

bool ProtoReader::next(ProtoField& field) {
  if (rest_.empty()) return false;
  const std::uint64_t key = varint();
  field = {.number = static_cast<int>(key >> 3)};
  switch (key & 7) {
    case kVarint:
      field.integer = static_cast<std::int64_t>(varint());
      break;
    case kEightBytes:
      field.bytes = take(8);
      break;
    case kLength:
      field.bytes = take(varint());
      break;
    case kFourBytes:
      field.bytes = take(4);
      break;
    default:
      throw data_error("a field of unknown kind", where_, "make the file again");
  }
  return true;
}

}  // namespace warmstart
