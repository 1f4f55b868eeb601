// Named arrays in one file, whatever the container: what the flat dataset layout asks of HDF5 and of NPZ. Internal to io/.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace warmstart {

enum class ArrayKind { kNumber, kText, kGroup, kOther };  ///< kNumber: integers, floats and booleans

struct ArrayShape {
  ArrayKind kind = ArrayKind::kOther;
  std::string type;               ///< for messages: "float", "compound", "string", ...
  std::size_t value_bytes = 0;    ///< of one stored number
  std::vector<std::size_t> dims;  ///< [] for a scalar
  std::size_t count() const {
    std::size_t n = 1;
    for (const auto d : dims) n *= d;
    return n;
  }
  /// Values in one row of the first dimension.
  std::size_t row_values() const {
    std::size_t n = 1;
    for (std::size_t i = 1; i < dims.size(); ++i) n *= dims[i];
    return n;
  }
  std::string text() const;  ///< "(24, 17)"
};

class ArrayFile {
 public:
  virtual ~ArrayFile() = default;
  virtual std::string path() const = 0;
  /// Names directly under a group ("/" for the root), sorted; empty when there is no such group.
  virtual std::vector<std::string> keys(const std::string& group) const = 0;
  virtual bool has(const std::string& key) const = 0;
  virtual ArrayShape shape(const std::string& key) const = 0;
  /// Rows [first, first + count) of a numeric array of one dimension or more, in C order; `out` holds as many values.
  /// Cheap when a caller goes through an array in order. Throws Error(kData) when the stored bytes are damaged.
  virtual void read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const = 0;
  /// All values of a numeric array.
  virtual void read(const std::string& key, std::span<double> out) const = 0;
  /// A scalar or one-element text; "" where the container has none.
  virtual std::string read_text(const std::string& key) const = 0;
  /// Says which of an array's values nobody ever wrote, so that they read as a fill value: "no value" (of any kind), "3 chunks of values,
  /// the first at row 500,"; "" when all are there.
  virtual std::string unwritten(const std::string&) const { return ""; }
  /// Text attributes of the file itself.
  virtual std::vector<std::pair<std::string, std::string>> text_attributes() const = 0;
};

}  // namespace warmstart
