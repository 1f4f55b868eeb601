#include "warmstart/io/minari.h"

#include <fmt/format.h>

#include <algorithm>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/io/flat_steps.h"
#include "warmstart/io/minari_spaces.h"

namespace warmstart {
namespace {

struct Leaf {
  std::string key;       ///< under the episode: "observations/achieved_goal"
  std::size_t cols = 0;  ///< values per step
};

struct Chapter {
  std::string group;      ///< "episode_12"
  std::size_t steps = 0;  ///< T; observations have T + 1 rows
};

std::vector<std::pair<std::uint64_t, std::string>> numbered_episodes(const ArrayFile& file) {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const auto& name : file.keys("/")) {
    unsigned long long number = 0;
    int end = 0;
    if (std::sscanf(name.c_str(), "episode_%12llu%n", &number, &end) == 1 && static_cast<std::size_t>(end) == name.size())
      found.emplace_back(number, name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

class MinariSteps : public StepsReader {
 public:
  MinariSteps(std::unique_ptr<ArrayFile> file, const StepsOptions& options) : file_(std::move(file)) {
    layout_.format = StepsFormat::kMinari, layout_.path = file_->path(), layout_.has_next = true;
    const MinariDescription d = describe_minari(*file_);
    layout_.metadata = d.metadata;
    observations_described_ = d.observations_described;
    const auto numbered = numbered_episodes(*file_);
    for (const auto& [number, group] : numbered) {
      const std::size_t steps = array(group, "rewards", 1).dims[0];
      layout_.steps += steps;
      if (steps > 0) episodes_.push_back({group, steps});
    }
    note_gaps(numbered, d);
    if (episodes_.empty()) return;
    find_leaves(options.observation_keys);
    const ArrayShape actions = array(episodes_.front().group, "actions", 2);
    layout_.action_size = static_cast<int>(actions.row_values());
    if (d.actions_described) set_action_bounds(d.action_low, d.action_high, layout_);
    find_infos();
  }

  void read(std::size_t count, D4rlFile& slab) override {
    const std::size_t n = std::min(count, layout_.steps - done_);
    const auto rows = static_cast<int>(n);
    slab.observations.resize(rows, layout_.obs_size), slab.next_observations.resize(rows, layout_.obs_size);
    slab.actions.resize(rows, layout_.action_size);
    slab.rewards.resize(n), slab.terminals.resize(n), slab.timeouts.resize(n);
    for (std::size_t filled = 0; filled < n;) {
      const Chapter& e = episodes_[episode_];
      if (at_ == 0) load(e);
      const std::size_t part = std::min(n - filled, e.steps - at_);
      const auto copy = [&](const std::vector<float>& from, std::size_t first, std::size_t cols, float* to) {
        std::copy_n(from.data() + first * cols, part * cols, to + filled * cols);
      };
      const auto O = static_cast<std::size_t>(layout_.obs_size), A = static_cast<std::size_t>(layout_.action_size);
      copy(observations_, at_, O, slab.observations.data());
      copy(observations_, at_ + 1, O, slab.next_observations.data());
      copy(actions_, at_, A, slab.actions.data());
      copy(rewards_, at_, 1, slab.rewards.data());
      for (std::size_t i = 0; i < part; ++i) {
        slab.terminals[filled + i] = terminations_[at_ + i];
        slab.timeouts[filled + i] = truncations_[at_ + i];
      }
      filled += part, at_ += part, done_ += part;
      if (at_ == e.steps) at_ = 0, ++episode_;
    }
  }

  std::map<std::string, DoubleTable> infos() override {
    std::map<std::string, DoubleTable> infos;
    std::vector<double> values;
    for (const auto& [name, cols] : layout_.infos) {
      DoubleTable& table = infos[name];
      table.rows = static_cast<int>(layout_.steps), table.cols = cols;
      for (const Chapter& e : episodes_) {
        const std::string key = e.group + "/infos/" + name;
        const ArrayShape shape = file_->shape(key);
        values.resize(shape.count());
        file_->read(key, values);
        // T + 1 rows: row t goes with observation t, but success is said of the step that led there
        const auto c = static_cast<std::ptrdiff_t>(cols);
        const std::ptrdiff_t first = shape.dims[0] == e.steps + 1 && name == "success" ? c : 0;
        table.values.insert(table.values.end(), values.begin() + first, values.begin() + first + static_cast<std::ptrdiff_t>(e.steps) * c);
      }
    }
    return infos;
  }

 private:
  void note_gaps(const std::vector<std::pair<std::uint64_t, std::string>>& numbered, const MinariDescription& d) {
    const auto note = [&](std::string text) { layout_.notes.push_back(std::move(text)); };
    if (const std::size_t empty = numbered.size() - episodes_.size()) note(fmt::format("{} episodes without a step are left out", empty));
    if (!numbered.empty() && numbered.back().first - numbered.front().first + 1 != numbered.size())
      note(fmt::format("numbers of episodes are missing: there are {} from {} to {}", numbered.size(), numbered.front().first,
                       numbered.back().first));
    const auto count = [&](long long said, std::size_t found, const char* what) {
      if (said >= 0 && static_cast<std::size_t>(said) != found)
        note(fmt::format("the file holds {} {}, its metadata say {}: it may be incomplete", found, what, said));
    };
    count(d.total_episodes, numbered.size(), "episodes"), count(d.total_steps, layout_.steps, "steps");
  }

  Error bad(const std::string& what, const std::string& remedy) const { return data_error(what, layout_.path, remedy); }

  /// A numeric array of an episode with at least `rank` dimensions.
  ArrayShape array(const std::string& group, const std::string& name, std::size_t rank) const {
    const std::string key = group + "/" + name;
    if (!file_->has(key))
      throw bad("key '" + key + "' is missing",
                fmt::format("an episode of Minari has observations, actions, rewards, terminations and truncations; '{}' has: {}", group,
                            join(file_->keys(group))));
    const ArrayShape shape = file_->shape(key);
    if (shape.kind != ArrayKind::kNumber)
      throw bad(fmt::format("key '{}' holds {} data, not an array of numbers", key, shape.type), kOnlyBoxes);
    if (shape.dims.size() < rank)
      throw bad(fmt::format("key '{}' has shape {}", key, shape.text()),
                rank == 2 ? "one plain number per step is a Discrete space or the like; " + std::string(kOnlyBoxes)
                          : std::string("it must be (steps,)"));
    check_value_count(layout_.path, key, shape);
    return shape;
  }

  void check_no_tuple(const std::string& key, const std::vector<std::string>& names) const {
    for (const auto& part : names)
      if (part.rfind("_index_", 0) == 0) throw bad("key '" + key + "' is a Tuple space", kOnlyBoxes);
  }

  /// Leaves below `name` of the first episode, depth first and in alphabetical order, as gymnasium.spaces.flatten has it.
  void add_leaves(const std::string& name) {
    const std::string &group = episodes_.front().group, key = group + "/" + name;
    if (file_->has(key) && file_->shape(key).kind == ArrayKind::kGroup) {
      const auto names = file_->keys(key);
      if (names.empty()) throw bad("key '" + key + "' is an empty group", kOnlyBoxes);
      check_no_tuple(key, names);
      for (const auto& part : names) add_leaves(name + "/" + part);
      return;
    }
    const ArrayShape shape = array(group, name, 2);
    // images are kept as JPEG bytes and truth values as an enum: no number to learn from, unless the spaces say so
    if (!observations_described_ && (shape.type == "enum" || (shape.type == "integer" && shape.value_bytes == 1)))
      throw bad(fmt::format("key '{}' holds bytes, which may be packed images", key),
                "put the dataset's metadata.json beside the file, or write numbers as floats");
    leaves_.push_back({name, shape.row_values()});
    layout_.obs_size += static_cast<int>(shape.row_values());
  }

  void find_leaves(const std::string& wanted) {
    const std::string top = "observations", key = episodes_.front().group + "/" + top;
    const bool dict = file_->has(key) && file_->shape(key).kind == ArrayKind::kGroup;
    if (dict) check_no_tuple(key, file_->keys(key));
    if (!dict || wanted.empty()) add_leaves(top);
    for (const std::string& name : dict ? split(wanted, ',') : std::vector<std::string>{}) {
      if (name.empty() || !file_->has(key + "/" + name))
        throw bad(fmt::format("observation key '{}' is missing from '{}'", name, key),
                  "the observation has: " + join(file_->keys(key)) + "; see data.observation_keys");
      add_leaves(top + "/" + name);
    }
    if (dict)
      for (const Leaf& leaf : leaves_)
        layout_.observation_keys.push_back(fmt::format("{} ({})", leaf.key.substr(top.size() + 1), leaf.cols));
  }

  /// Numbers of one width that every episode has for every step, or for every observation.
  void find_infos() {
    const Chapter& first = episodes_.front();
    std::vector<std::string> unused;
    for (const auto& name : file_->keys(first.group + "/infos")) {
      std::size_t cols = 0;
      const bool all = std::all_of(episodes_.begin(), episodes_.end(), [&](const Chapter& e) {
        const std::string key = e.group + "/infos/" + name;
        if (!file_->has(key)) return false;
        const ArrayShape shape = file_->shape(key);
        if (shape.kind != ArrayKind::kNumber || shape.dims.empty() || shape.dims.size() > 2) return false;
        if (&e == &first) cols = shape.row_values();
        return cols > 0 && shape.row_values() == cols && (shape.dims[0] == e.steps || shape.dims[0] == e.steps + 1);
      });
      if (all) layout_.infos[name] = static_cast<int>(cols);
      else unused.push_back(name);
    }
    if (!unused.empty())
      layout_.notes.push_back(
          fmt::format("infos that are not used, because not every episode has them as numbers of one width: {}", join(unused)));
  }

  void read_array(const Chapter& e, const std::string& name, std::size_t rank, std::size_t rows, std::size_t cols,
                  std::vector<float>& out) {
    const ArrayShape shape = array(e.group, name, rank);
    const std::string key = e.group + "/" + name;
    if (shape.dims[0] != rows)
      throw bad(fmt::format("key '{}' has {} rows, not {}", key, shape.dims[0], rows),
                fmt::format("'{}' has {} rewards: as many actions and flags, and one observation more, belong to them", e.group, e.steps));
    if (shape.row_values() != cols)
      throw bad(fmt::format("key '{}' has {} values per step, {} has {}", key, shape.row_values(), episodes_.front().group, cols),
                "every episode must be of the same spaces");
    if (const std::string which = file_->unwritten(key); !which.empty()) throw never_written(layout_.path, key, which);
    out.resize(rows * cols);
    file_->read_rows(key, 0, rows, out);
  }

  void load(const Chapter& e) {
    const auto O = static_cast<std::size_t>(layout_.obs_size);
    const std::size_t rows = e.steps + 1;
    observations_.resize(rows * O);
    std::size_t first = 0;
    for (const Leaf& leaf : leaves_) {
      read_array(e, leaf.key, 2, rows, leaf.cols, part_);
      for (std::size_t i = 0; i < rows; ++i) std::copy_n(&part_[i * leaf.cols], leaf.cols, &observations_[i * O + first]);
      first += leaf.cols;
    }
    read_array(e, "actions", 2, e.steps, static_cast<std::size_t>(layout_.action_size), actions_);
    read_array(e, "rewards", 1, e.steps, 1, rewards_);
    read_array(e, "terminations", 1, e.steps, 1, part_);
    check_flags(layout_.path, e.group + "/terminations", part_, 0, terminations_);
    read_array(e, "truncations", 1, e.steps, 1, part_);
    check_flags(layout_.path, e.group + "/truncations", part_, 0, truncations_);
    // recording stopped: what follows is another episode all the same
    if (!terminations_.back()) truncations_.back() = 1;
  }

  std::unique_ptr<ArrayFile> file_;
  bool observations_described_ = false;
  std::vector<Chapter> episodes_;
  std::vector<Leaf> leaves_;
  std::size_t episode_ = 0, at_ = 0, done_ = 0;                 // next step to give: of which episode, and in it
  std::vector<float> observations_, actions_, rewards_, part_;  // the episode in work
  std::vector<std::uint8_t> terminations_, truncations_;
};

}  // namespace

bool is_minari(const ArrayFile& file) { return !file.has("observations") && !numbered_episodes(file).empty(); }

std::unique_ptr<StepsReader> open_minari(std::unique_ptr<ArrayFile> file, const StepsOptions& options) {
  return std::make_unique<MinariSteps>(std::move(file), options);
}

}  // namespace warmstart
