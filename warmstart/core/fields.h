// Configuration as a list of documented fields. A config struct gives one `fields()` list; recipe files, command line,
// `--help`, `explain`, checkpoint headers and the generated reference are all made from it.
#pragma once
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace warmstart {

using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>>;

/// What a user is told about one key.
struct FieldDoc {
  std::string help;       ///< meaning, one sentence
  std::string unit = {};  ///< "" when it has none
  std::string when = {};  ///< when to change it
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  ///< for text: the valid values (empty = any)
  bool nan_is_unset = false;              ///< for numbers: nan stands for "work it out"
  std::string word = {};                  ///< for 64-bit integers: a word that may stand instead ("" = none) ...
  std::int64_t word_value = 0;            ///< ... and the value that the variable then has
  bool path = false;                      ///< for text: names a file or folder, `~` is the home folder
};

/// What a user is told about a text key that takes one of a few words.
FieldDoc choice(std::string help, std::string when, std::vector<std::string> choices);
/// What a user is told about a text key that names a file or folder.
FieldDoc path_of(std::string help, std::string when);

/// The keys that somebody who wrote `key` can have meant: those whose last part it is or ends with, else the nearest one. Never empty
/// unless `keys` is.
std::vector<std::string> nearest_keys(const std::string& key, const std::vector<std::string>& keys);

/// One key bound to a variable of a config struct, which must outlive it.
struct Field {
  using Target = std::variant<bool*, std::int64_t*, int*, double*, std::string*, std::vector<std::int64_t>*, std::vector<double>*>;
  std::string key;  ///< "section.name"
  Target target;
  FieldDoc doc;

  /// Checks type, range and choices, then assigns; a list of numbers takes one number too. `where` names file or option in the error
  /// (kUsage).
  void set(const ConfigValue& value, const std::string& where) const;
  /// The same from command-line text.
  void set_text(const std::string& text, const std::string& where) const;
  /// The value as TOML writes it.
  std::string toml() const;
  std::string type_name() const;
};

class Fields {
 public:
  explicit Fields(std::string section = "") : section_(std::move(section)) {}
  template <class T>
  void add(const std::string& name, T& variable, FieldDoc doc) {
    list_.push_back({section_.empty() ? name : section_ + "." + name, &variable, std::move(doc)});
  }
  const std::string& section() const { return section_; }
  void append(const Fields& other) { list_.insert(list_.end(), other.list_.begin(), other.list_.end()); }

  const std::vector<Field>& list() const { return list_; }
  /// Throws Error(kUsage) with the nearest valid key when `key` is unknown.
  const Field& at(const std::string& key, const std::string& where) const;
  /// Checks every value as Field::set does, for structs that a program filled by itself; keys in `but` are left out. `where` names the
  /// struct in the error (kUsage).
  void check(const std::string& where, const std::set<std::string>& but = {}) const;
  /// The whole configuration as TOML text, one table per section.
  std::string toml() const;

 private:
  std::string section_;
  std::vector<Field> list_;
};

}  // namespace warmstart
