#include "warmstart/io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(',', at), line.size());
    fields.push_back(trimmed(line.substr(at, end - at)));
    at = end + 1;
  }
  return fields;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// One array, and the columns of the table that it is made of.
struct Array {
  std::vector<int> columns;
  std::vector<double> values;
  bool flat = false;  ///< one number a step
};

// the array that a column belongs to and its place there; the name is a number's, "obs_12", or a word, "reward"
std::pair<std::string, int> place_of(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> kTables = {{"obs", "observations"},
                                                                          {"observation", "observations"},
                                                                          {"action", "actions"},
                                                                          {"next_obs", "next_observations"},
                                                                          {"next_observation", "next_observations"}};
  static const std::map<std::string, std::string, std::less<>> kWords = {
      {"reward", "rewards"}, {"terminated", "terminals"}, {"truncated", "timeouts"}, {"first", "first"}};
  if (const auto word = kWords.find(name); word != kWords.end()) return {word->second, -1};
  const std::size_t bar = name.rfind('_');
  if (bar == std::string_view::npos) return {"", 0};
  const auto table = kTables.find(name.substr(0, bar));
  const auto index = number(name.substr(bar + 1));
  if (table == kTables.end() || !index || *index < 0 || *index > 1e6 || *index != std::floor(*index)) return {"", 0};
  return {table->second, static_cast<int>(*index)};
}

class CsvFile : public ArrayFile {
 public:
  explicit CsvFile(const std::filesystem::path& path) : path_(path.string()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw data_error("the file cannot be opened", path_, "check its name and your rights");
    for (std::string line; std::getline(in, line);) {
      ++line_;
      take(line);
    }
    if (in.bad()) throw data_error("the file cannot be read to its end", path_, "check the disk");
    if (header_.empty()) bad("there is no line of column names", "begin with first,obs_0,...,action_0,...,reward,terminated,truncated");
    drop_cut_line();
    if (steps_ == 0) throw data_error("no steps", path_, "record some");
    close_episodes();
    for (auto& [name, values] : bounds_) arrays_["metadata/" + name].values = values;
  }

  std::string path() const override { return path_; }
  std::vector<std::string> keys(const std::string& group) const override {
    std::vector<std::string> names;
    const std::string before = group == "/" ? "" : group + "/";
    for (const auto& [name, array] : arrays_)
      if (name.rfind(before, 0) == 0 && name.find('/', before.size()) == std::string::npos) names.push_back(name.substr(before.size()));
    return names;
  }
  bool has(const std::string& key) const override { return arrays_.contains(key); }
  ArrayShape shape(const std::string& key) const override {
    const Array& array = arrays_.at(key);
    ArrayShape shape{.kind = ArrayKind::kNumber, .type = "float", .value_bytes = sizeof(double), .dims = {steps_}};
    if (array.columns.empty()) shape.dims = {array.values.size()};  // of no step: bounds
    else if (!array.flat) shape.dims.push_back(array.columns.size());
    return shape;
  }
  void read_rows(const std::string& key, std::size_t first, std::size_t count, std::span<float> out) const override {
    const Array& array = arrays_.at(key);
    const std::size_t width = array.flat ? 1 : array.columns.size();
    std::transform(array.values.begin() + static_cast<std::ptrdiff_t>(first * width),
                   array.values.begin() + static_cast<std::ptrdiff_t>((first + count) * width), out.begin(),
                   [](double x) { return static_cast<float>(x); });
  }
  void read(const std::string& key, std::span<double> out) const override {
    const Array& array = arrays_.at(key);
    std::copy_n(array.values.begin(), out.size(), out.begin());
  }
  std::string read_text(const std::string&) const override { return ""; }
  std::vector<std::pair<std::string, std::string>> text_attributes() const override { return {}; }
  std::vector<std::string> notes() const override {
    if (dropped_ == 0) return {};
    return {fmt::format("{} line{} cut off while being written, the last is line {}: left out", dropped_, dropped_ > 1 ? "s were" : " was",
                        last_dropped_)};
  }

 private:
  [[noreturn]] void bad(const std::string& what, const std::string& remedy) const {
    throw data_error(what, line_ > 0 ? fmt::format("{}, line {}", path_, line_) : path_, remedy);
  }

  void take(std::string_view line) {
    line = trimmed(line);
    if (line.empty()) return;
    if (line.front() == '#') return comment(trimmed(line.substr(1)));
    if (const auto fields = fields_of(line); !number(fields.front()) && !fields.front().empty() && !place_of(fields.front()).first.empty())
      return header(line, fields);
    else if (header_.empty()) bad("there is no line of column names before the first step", "begin with first,obs_0,...,action_0,...");
    else row(fields);
  }

  // "action_low -10 -10" and its fellow; others are for people
  void comment(std::string_view text) {
    drop_cut_line();
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string name(text.substr(0, end));
    if (name != "action_low" && name != "action_high") return;
    std::vector<double> values;
    std::istringstream words{std::string(text.substr(end))};
    for (std::string word; words >> word;)
      if (const auto x = number(word)) values.push_back(*x);
      else bad(fmt::format("{}: \"{}\" is no number", name, word), "give one number a coordinate, with blanks between them");
    const auto [at, fresh] = bounds_.emplace(name, values);
    if (!fresh && at->second != values) bad(name + " is another one than before", "keep recordings of two machines apart");
  }

  void header(std::string_view line, const std::vector<std::string_view>& names) {
    drop_cut_line();
    new_session_ = steps_ > 0;
    if (!header_.empty()) {
      if (header_ != line) bad("other columns than before", "keep recordings with other sensors in files of their own");
      return;
    }
    header_ = std::string(line);
    columns_ = names.size();
    for (std::size_t k = 0; k < names.size(); ++k) {
      const auto [key, index] = place_of(names[k]);
      if (key.empty())
        bad(fmt::format("a column named \"{}\" is not understood", names[k]),
            "columns are first, obs_0 ..., action_0 ..., next_obs_0 ..., reward, terminated, truncated");
      Array& array = arrays_[key];
      array.flat = index < 0;
      const std::size_t at = static_cast<std::size_t>(std::max(index, 0));
      if (array.columns.size() <= at) array.columns.resize(at + 1, -1);
      if (array.columns[at] >= 0) bad(fmt::format("two columns named \"{}\"", names[k]), "leave one out");
      array.columns[at] = static_cast<int>(k);
    }
    for (const char* key : {"observations", "actions", "rewards", "terminals", "timeouts"})
      if (!arrays_.contains(key)) bad(fmt::format("no column for {}", key), "give obs_0 ..., action_0 ..., reward, terminated, truncated");
    for (const auto& [key, array] : arrays_)
      for (std::size_t i = 0; i < array.columns.size(); ++i)
        if (array.columns[i] < 0) bad(fmt::format("{} have no number {}", key, i), "count columns from 0 without a gap");
  }

  void row(const std::vector<std::string_view>& fields) {
    if (cut_line_ > 0) {
      line_ = cut_line_;
      bad(cut_what_, "a line that a crash cut off stands alone at the end of its recording; correct or remove this one");
    }
    std::vector<double> values(fields.size());
    for (std::size_t k = 0; k < fields.size(); ++k)
      if (const auto x = number(fields[k])) values[k] = *x;
      else return cut(fmt::format("\"{}\" in column {} is no number", fields[k], k + 1));
    if (fields.size() != columns_) return cut(fmt::format("{} numbers, there are {} columns", fields.size(), columns_));
    for (auto& [key, array] : arrays_)
      for (const int column : array.columns) array.values.push_back(values[static_cast<std::size_t>(column)]);
    starts_.push_back(new_session_);
    new_session_ = false;
    ++steps_;
  }

  // whether it may be left out shows in the next line
  void cut(std::string what) { cut_line_ = line_, cut_what_ = std::move(what); }
  void drop_cut_line() {
    if (cut_line_ == 0) return;
    ++dropped_, last_dropped_ = cut_line_, cut_line_ = 0;
  }

  void close_episodes() {
    const auto first = arrays_.find("first");
    std::vector<double>&terminals = arrays_.at("terminals").values, &timeouts = arrays_.at("timeouts").values;
    for (std::size_t t = 0; t < steps_; ++t) {
      const bool last = t + 1 == steps_,
                 next_begins = !last && (starts_[t + 1] || (first != arrays_.end() && first->second.values[t + 1] != 0));
      if (terminals[t] != 0) timeouts[t] = 0;
      else if (last || next_begins) timeouts[t] = 1;
    }
    if (first != arrays_.end()) arrays_.erase(first);
  }

  std::string path_, header_, cut_what_;
  std::size_t line_ = 0, columns_ = 0, steps_ = 0, cut_line_ = 0, dropped_ = 0, last_dropped_ = 0;
  bool new_session_ = false;  // the next row is the first since the recording began again
  std::vector<bool> starts_;
  std::map<std::string, Array> arrays_;
  std::map<std::string, std::vector<double>> bounds_;
};

}  // namespace

bool is_csv(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string line(4096, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  std::istringstream lines(line);
  while (std::getline(lines, line)) {
    const std::string_view text = trimmed(line);
    if (text.starts_with("# warmstart")) return true;
    if (text.empty() || text.front() == '#') continue;
    const auto fields = fields_of(text);
    return fields.size() > 1 && !place_of(fields.front()).first.empty();
  }
  return false;
}

std::unique_ptr<ArrayFile> open_csv(const std::filesystem::path& path) { return std::make_unique<CsvFile>(path); }

}  // namespace warmstart
