#include "warmstart/io/flat_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/end_flags.h"

namespace warmstart {
namespace {

// largest array accepted, in values: more than any D4RL file, less than what makes a damaged header eat the machine
constexpr std::size_t kMaxValues = std::size_t{1} << 33;

ArrayShape number_shape(const ArrayFile& file, const std::string& key) {
  const ArrayShape shape = file.shape(key);
  if (shape.kind != ArrayKind::kNumber)
    throw data_error(fmt::format("key '{}' holds {} data, not numbers", key, shape.type), file.path(), "write it as a plain float array");
  check_value_count(file.path(), key, shape);
  return shape;
}

// the group of `names` that holds `array`, if one does
std::string group_with(const ArrayFile& file, const std::vector<std::string>& names, const std::string& array) {
  for (const std::string& name : names)
    if (name != "infos" && name != "metadata" && file.shape(name).kind == ArrayKind::kGroup && file.has(name + "/" + array)) return name;
  return "";
}

// the key that was found for `array`
const std::string& needed(const ArrayFile& file, const std::string& array, const std::string& key) {
  if (!key.empty()) return key;
  const auto names = file.keys("/");
  std::string remedy = "the file has: " + (names.empty() ? std::string("no keys at all") : join(names));
  const bool minari = std::any_of(names.begin(), names.end(), [](const auto& n) { return n.rfind("episode_", 0) == 0; });
  if (minari) remedy = "this is Minari's layout (episode_0, ...), not D4RL's flat one";
  else if (const std::string group = group_with(file, names, array); !group.empty())
    remedy = fmt::format("it stands in group '{}': write the arrays of that group at the root of a file", group);
  else if (!names.empty())
    remedy += fmt::format("; the nearest name is '{}'; names understood: {}", nearest_name(array, names), names_of(array));
  throw data_error("key '" + array + "' is missing", file.path(), remedy);
}

std::size_t table_cols(const ArrayFile& file, const std::string& key, std::size_t* rows) {
  const ArrayShape shape = number_shape(file, key);
  if (shape.dims.size() != 2)
    throw data_error(fmt::format("key '{}' has shape {}", key, shape.text()), file.path(),
                     "it must be (steps, size): one flat row per step");
  *rows = shape.dims[0];
  return shape.dims[1];
}

std::size_t column_rows(const ArrayFile& file, const std::string& key) {
  const ArrayShape shape = number_shape(file, key);
  if (shape.dims.size() != 1 && !(shape.dims.size() == 2 && shape.dims[1] == 1))
    throw data_error(fmt::format("key '{}' has shape {}", key, shape.text()), file.path(),
                     "it must be (steps,) or (steps, 1): one number per step");
  return shape.dims[0];
}

class FlatSteps : public StepsReader {
 public:
  FlatSteps(std::unique_ptr<ArrayFile> file, StepsFormat format, const StepsOptions& options) : file_(std::move(file)) {
    layout_.format = format, layout_.path = file_->path();
    keys_ = find_flat_keys(*file_);
    layout_.obs_size = static_cast<int>(table_cols(*file_, needed(*file_, "observations", keys_.observations), &layout_.steps));
    std::size_t rows = 0;
    layout_.action_size = static_cast<int>(table_cols(*file_, needed(*file_, "actions", keys_.actions), &rows));
    check_rows(keys_.actions, rows);
    needed(*file_, "rewards", keys_.rewards);
    for (const std::string* key : {&keys_.rewards, &keys_.terminals, &keys_.timeouts, &keys_.dones, &keys_.masks})
      if (!key->empty()) check_rows(*key, column_rows(*file_, *key));
    // the time limit ends episodes by D4RL's rule, in its files alone
    ends_ = std::make_unique<EndFlags>(*file_, keys_, layout_.steps, format == StepsFormat::kD4rl ? options.max_episode_steps : 0);
    const std::string& next = keys_.next_observations;
    layout_.has_next = !next.empty();
    if (layout_.has_next) {
      const std::size_t cols = table_cols(*file_, next, &rows);
      check_rows(next, rows);
      if (static_cast<int>(cols) != layout_.obs_size)
        throw data_error(fmt::format("{} has {} columns, {} has {}", next, cols, keys_.observations, layout_.obs_size), layout_.path,
                         "both must be rows of the same observation");
    }
    layout_.notes = keys_.renamed;
    layout_.notes.insert(layout_.notes.end(), ends_->notes().begin(), ends_->notes().end());
    find_infos();
    find_metadata();
    if (!keys_.unused.empty()) layout_.notes.push_back("not used: " + join(keys_.unused));
    check_written();
  }

  void read(std::size_t count, D4rlFile& slab) override {
    const std::size_t n = std::min(count, layout_.steps - done_);
    const auto table = [&](const std::string& key, int cols, Matrix& out) {
      out.resize(static_cast<int>(n), cols);
      file_->read_rows(key, done_, n, {out.data(), out.size()});
    };
    table(keys_.observations, layout_.obs_size, slab.observations);
    table(keys_.actions, layout_.action_size, slab.actions);
    if (layout_.has_next) table(keys_.next_observations, layout_.obs_size, slab.next_observations);
    slab.rewards.resize(n);
    file_->read_rows(keys_.rewards, done_, n, slab.rewards);
    ends_->read(done_, n, slab.terminals, slab.timeouts);
    done_ += n;
  }

  std::map<std::string, DoubleTable> infos() override {
    std::map<std::string, DoubleTable> infos;
    for (const auto& [name, cols] : layout_.infos) {
      DoubleTable& table = infos[name];
      table.rows = static_cast<int>(layout_.steps), table.cols = cols;
      table.values.resize(layout_.steps * static_cast<std::size_t>(cols));
      file_->read("infos/" + name, table.values);
    }
    return infos;
  }

 private:
  void check_rows(const std::string& key, std::size_t rows) const {
    if (rows != layout_.steps)
      throw data_error(fmt::format("key '{}' has {} rows, {} has {}", key, rows, keys_.observations, layout_.steps), layout_.path,
                       "every array needs one row per step");
  }

  void find_infos() {
    for (const auto& name : file_->keys("infos")) {
      const std::string key = "infos/" + name;
      const ArrayShape shape = file_->shape(key);
      // images, strings and nested groups are nothing that a transition needs
      if (shape.kind != ArrayKind::kNumber || shape.dims.empty() || shape.dims.size() > 2) {
        keys_.unused.push_back(key);
        continue;
      }
      check_value_count(layout_.path, key, shape);
      check_rows(key, shape.dims[0]);
      layout_.infos[name] = static_cast<int>(shape.row_values());
    }
  }

  void check_written() {
    for (const std::string* key : {&keys_.observations, &keys_.actions, &keys_.rewards, &keys_.next_observations})
      if (const std::string which = key->empty() ? "" : file_->unwritten(*key); !which.empty())
        throw never_written(layout_.path, *key, which);
    // whoever sets flags where episodes end leaves the rest as it was made
    std::vector<std::string> others;
    for (const std::string* key : {&keys_.terminals, &keys_.timeouts, &keys_.dones, &keys_.masks})
      if (!key->empty()) others.push_back(*key);
    for (const auto& [name, cols] : layout_.infos) others.push_back("infos/" + name);
    for (const std::string& key : others)
      if (const std::string which = file_->has(key) ? file_->unwritten(key) : ""; !which.empty())
        layout_.notes.push_back(fmt::format("'{}': {} was never written, the file's fill value stands there", key, which));
  }

  void find_metadata() {
    for (auto& [name, value] : file_->text_attributes()) layout_.metadata[name] = value;
    for (const std::string& note : file_->notes()) layout_.notes.push_back(note);
    read_action_bounds(*file_, layout_);
    for (const auto& name : file_->keys("metadata")) {
      if (!layout_.action_low.empty() && (name == "action_low" || name == "action_high")) continue;
      const std::string key = "metadata/" + name;
      const ArrayShape shape = file_->shape(key);
      if (shape.kind == ArrayKind::kText) layout_.metadata[name] = file_->read_text(key);
      // network weights stored beside the data stay out; a few numbers become text
      if (shape.kind == ArrayKind::kNumber && shape.dims.size() <= 1 && shape.count() <= 16) {
        std::vector<double> values(shape.count());
        file_->read(key, values);
        layout_.metadata[name] = fmt::format("{}", fmt::join(values, " "));
      }
      if (!layout_.metadata.contains(name)) keys_.unused.push_back(key);
    }
  }

  std::unique_ptr<ArrayFile> file_;
  FlatKeys keys_;
  std::unique_ptr<EndFlags> ends_;
  std::size_t done_ = 0;
};

}  // namespace

void check_value_count(const std::string& path, const std::string& key, const ArrayShape& shape) {
  std::size_t count = 1;
  for (const auto d : shape.dims)
    if (d > INT_MAX || (count *= std::max<std::size_t>(d, 1)) > kMaxValues)
      throw data_error("key '" + key + "' is too large: shape " + shape.text(), path, "split the file, or copy it again if it was damaged");
}

Error never_written(const std::string& path, const std::string& key, const std::string& which) {
  return data_error(fmt::format("key '{}': {} was never written, so that a fill value stands there", key, which), path,
                    "the program that wrote the file stopped early: write it again, or keep the rows before (docs/formats/hdf5.md)");
}

void set_action_bounds(std::vector<double> low, std::vector<double> high, StepsLayout& layout) {
  const auto actions = static_cast<std::size_t>(layout.action_size);
  const auto unbounded = [](double a, double b) { return !std::isfinite(a) || !std::isfinite(b); };
  bool finite = low.size() == actions && high.size() == actions && actions > 0;
  for (std::size_t i = 0; finite && i < actions; ++i) {
    if (low[i] >= high[i])
      throw data_error(fmt::format("the file says that action entry {} lies between {:g} and {:g}", i, low[i], high[i]), layout.path,
                       "the lower bound must be less than the upper one");
    finite = !unbounded(low[i], high[i]);
  }
  if (finite) layout.action_low = std::move(low), layout.action_high = std::move(high);
  else if (low.size() != actions || high.size() != actions)
    layout.notes.push_back(
        fmt::format("bounds of the actions are not used: {} and {} of them for {} entries", low.size(), high.size(), actions));
  else layout.notes.push_back("bounds of the actions are not used: some are infinite");
}

void read_action_bounds(const ArrayFile& file, StepsLayout& layout) {
  const auto values = [&](const std::string& key) {
    const ArrayShape shape = number_shape(file, key);
    std::vector<double> out(shape.count());
    file.read(key, out);
    if (out.size() == 1) out.resize(static_cast<std::size_t>(layout.action_size), out[0]);  // one for all
    return out;
  };
  const std::string low = "metadata/action_low", high = "metadata/action_high";
  if (file.has(low) && file.has(high)) set_action_bounds(values(low), values(high), layout);
}

void check_flags(const std::string& path, const std::string& key, std::span<const float> values, std::size_t first,
                 std::vector<std::uint8_t>& flags) {
  flags.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0 && values[i] != 1)
      throw data_error(fmt::format("key '{}' holds {} in row {}", key, values[i], first + i), path, "flags must be 0 or 1");
    flags[i] = values[i] != 0;
  }
}

std::unique_ptr<StepsReader> open_flat_steps(std::unique_ptr<ArrayFile> file, StepsFormat format, const StepsOptions& options) {
  return std::make_unique<FlatSteps>(std::move(file), format, options);
}

}  // namespace warmstart
