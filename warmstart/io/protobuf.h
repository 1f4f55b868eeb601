// The wire format of protocol buffers, as far as event files and ONNX need it: a writer of messages and a reader of their fields.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace warmstart {

/// A message being written, field by field; fields may come in any order, and repeated ones again and again.
class ProtoWriter {
 public:
  ProtoWriter& integer(int field, std::int64_t value);
  ProtoWriter& real(int field, float value);
  ProtoWriter& real64(int field, double value);
  /// Text, bytes or a message within.
  ProtoWriter& bytes(int field, std::string_view value);
  const std::string& data() const { return data_; }

 private:
  void key(int field, int wire);
  void varint(std::uint64_t value);
  std::string data_;
};

/// One field that was read. `integer` holds varints; `bytes` what has a length, or the 4 or 8 bytes of a number.
struct ProtoField {
  int number = 0;
  std::int64_t integer = 0;
  std::string_view bytes;
  float real() const;  ///< of a 4-byte number; 0 for another field
};

/// Reads a message's fields in order.
class ProtoReader {
 public:
  /// The bytes must outlive the reader; `where` names the file in errors.
  ProtoReader(std::string_view bytes, std::string where) : rest_(bytes), where_(std::move(where)) {}
  /// False at the end. Throws Error(kData) for bytes that are no message.
  bool next(ProtoField& field);

 private:
  std::uint64_t varint();
  std::string_view take(std::uint64_t size);
  std::string_view rest_;
  std::string where_;
};

}  // namespace warmstart
