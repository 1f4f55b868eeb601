// One C99 file and its header: weights as arrays, and functions of plain loops that allocate nothing and keep no state of their own.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "warmstart/nn/gaussian.h"
#include "warmstart/phases/export/export.h"

namespace warmstart {
namespace {

// shortest text that reads back as the same float
std::string number(float x) {
  const std::string text = fmt::format("{}", x);
  return text + (text.find_first_of(".en") == std::string::npos ? ".0f" : "f");
}

std::string array(const std::string& name, std::span<const float> values) {
  std::string out = fmt::format("static const float {}[{}] = {{", name, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) out += (i % 12 ? " " : "\n    ") + number(values[i]) + (i + 1 < values.size() ? "," : "");
  return out + "};\n";
}

class Source {
 public:
  Source(const ExportedActor& from, std::string header_name)
      : from_(from),
        header_name_(std::move(header_name)),
        actor_(from.actor),
        spec_(from.actor.spec),
        filter_(from.safety, from.action_size()),
        stateful_(from.safety.has_memory()) {}

  std::string text() {
    head(), weights(), network(), filter(), functions();
    return out_;
  }

  std::string header() {
    std::string guard = from_.name + "_POLICY_H", word = from_.name;
    for (std::string* text : {&guard, &word}) std::transform(text->begin(), text->end(), text->begin(), ::toupper);
    line("/* A policy exported by Warmstart: {}.", who());
    line(" * Observations are the task's, in its units and order. Actions are {}: {}{}. */", from_.units_from, action_range(from_),
         from_.safety.off() ? "" : ", inside the recipe's [safety] limits");
    line("#ifndef {0}\n#define {0}\n", guard);
    line("#define {}_OBS_SIZE {}\n#define {}_ACTION_SIZE {}\n", word, spec_.obs, word, spec_.action);
    line("#ifdef __cplusplus\nextern \"C\" {{\n#endif\n");
    if (stateful_) {
      line("/* the last executed action, -1 to 1 */\ntypedef struct {{\n  float previous[{}];\n}} {}_state;\n", spec_.action, from_.name);
      line("/* at the start of every episode, where the machine is at rest */\nvoid {0}_reset({0}_state* state);\n", from_.name);
    }
    line("/* the most likely action */\n{};\n", signature("act", false));
    line("/* a drawn one, as in training; noise: standard normal */\n{};\n", signature("sample", true));
    line("#ifdef __cplusplus\n}}\n#endif\n#endif");
    return std::move(out_);
  }

 private:
  std::span<const float> weights_at(std::size_t offset, std::size_t size) const { return std::span(actor_.params).subspan(offset, size); }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...) + '\n';
  }
  std::string signature(const char* kind, bool noise) const {
    return fmt::format("void {}_{}({}const float obs[{}], {}float action[{}])", from_.name, kind,
                       stateful_ ? fmt::format("{}_state* state, ", from_.name) : "", spec_.obs,
                       noise ? fmt::format("const float noise[{}], ", spec_.action) : "", spec_.action);
  }

  std::string who() const {
    std::string env = from_.env + ", " + from_.label;
    std::replace(env.begin(), env.end(), '*', ' '), std::replace(env.begin(), env.end(), '\n', ' ');
    return env;
  }

  void head() {
    line("/* A policy exported by Warmstart: {}.", who());
    line(" * C99, no allocation, no global state; link with -lm. {} declares and describes the functions. */", header_name_);
    line("#include \"{}\"\n\n#include <math.h>\n", header_name_);
  }

  void weights() {
    if (const ObsNormalizer& n = actor_.normalizer; n.on()) out_ += array("obs_mean", n.mean()) + array("obs_scale", n.scale());
    for (std::size_t k = 0; k < actor_.layers.size(); ++k) {
      const LayerLayout& l = actor_.layers[k];
      out_ += array(fmt::format("kernel{}", k), weights_at(l.kernel, static_cast<std::size_t>(l.in) * l.out));
      out_ += array(fmt::format("bias{}", k), weights_at(l.bias, l.out));
      if (!spec_.trunk.layer_norm) continue;
      out_ += array(fmt::format("scale{}", k), weights_at(l.scale, l.out));
      out_ += array(fmt::format("shift{}", k), weights_at(l.shift, l.out));
    }
    const std::size_t a = spec_.action, kernel = spec_.trunk.width() * a;
    out_ += array("mean_kernel", weights_at(actor_.mean_kernel, kernel)) + array("mean_bias", weights_at(actor_.mean_bias, a));
    if (!from_.units.off())
      out_ += array("action_center", from_.units.center(from_.action_size())) + array("action_half", from_.units.half(from_.action_size()));
    if (from_.exploration_noise > 0) return;
    if (spec_.std_head == StdHead::kExp) out_ += array("log_std_kernel", weights_at(actor_.log_std_kernel, kernel));
    out_ += array("log_std_bias", weights_at(actor_.log_std_bias, a));
  }

  void network() {
    line("\n/* y [out] = x [in] W [in,out] + b [out] */");
    line("static void dense(const float* x, int in, const float* w, const float* b, int out, float* y) {{");
    line("  int i, j;\n  for (j = 0; j < out; ++j) y[j] = b[j];");
    line("  for (i = 0; i < in; ++i)\n    for (j = 0; j < out; ++j) y[j] += x[i] * w[i * out + j];\n}}\n");
    if (spec_.trunk.layer_norm) {
      line("static void layer_norm(float* y, int n, const float* scale, const float* shift) {{");
      line("  float mean = 0.0f, square = 0.0f;\n  int j;");
      line("  for (j = 0; j < n; ++j) mean += y[j];\n  mean /= (float)n;");
      line("  for (j = 0; j < n; ++j) square += (y[j] - mean) * (y[j] - mean);");
      line("  square = 1.0f / sqrtf(square / (float)n + {});", number(kLayerNormEpsilon));
      line("  for (j = 0; j < n; ++j) y[j] = (y[j] - mean) * square * scale[j] + shift[j];\n}}\n");
    }
    line("static void relu(float* y, int n) {{\n  int j;\n  for (j = 0; j < n; ++j) y[j] = y[j] < 0.0f ? 0.0f : y[j];\n}}\n");
    line("static float clip(float x, float low, float high) {{ return x < low ? low : x > high ? high : x; }}\n");
    line("/* the last hidden layer of obs */");
    line("static void trunk(const float* obs, float* hidden) {{");
    const std::size_t layers = actor_.layers.size();
    for (std::size_t k = 0; k + 1 < layers; ++k) line("  float h{}[{}];", k, actor_.layers[k].out);
    if (actor_.normalizer.on()) {
      line("  float seen[{}];\n  int j;", spec_.obs);
      line("  for (j = 0; j < {}; ++j) seen[j] = (obs[j] - obs_mean[j]) * obs_scale[j];", spec_.obs);
    }
    for (std::size_t k = 0; k < layers; ++k) {
      const LayerLayout& l = actor_.layers[k];
      const std::string x = k == 0 ? (actor_.normalizer.on() ? "seen" : "obs") : fmt::format("h{}", k - 1),
                        y = k + 1 == layers ? "hidden" : fmt::format("h{}", k);
      line("  dense({0}, {1}, kernel{2}, bias{2}, {3}, {4});", x, l.in, k, l.out, y);
      if (spec_.trunk.layer_norm) line("  layer_norm({0}, {1}, scale{2}, shift{2});", y, l.out, k);
      line("  relu({}, {});", y, l.out);
    }
    line("}}\n");
  }

  void filter() {
    if (from_.safety.off()) return;
    const SafetyConfig& safety = from_.safety;
    if (safety.bounded()) out_ += array("action_low", filter_.low()) + array("action_high", filter_.high());
    if (!safety.max_action_change.empty()) out_ += array("max_action_change", filter_.max_change());
    if (stateful_) {
      out_ += array("rest", filter_.rest());
      line("\nvoid {0}_reset({0}_state* state) {{\n  int j;\n  for (j = 0; j < {1}; ++j) state->previous[j] = rest[j];\n}}", from_.name,
           spec_.action);
      line("\nstatic void limit({}_state* state, float* action) {{", from_.name);
    } else {
      line("\nstatic void limit(float* action) {{");
    }
    line("  int j;\n  for (j = 0; j < {}; ++j) {{", spec_.action);
    if (filter_.smoothing() > 0)
      line("    action[j] = {} * state->previous[j] + {} * action[j];", number(filter_.smoothing()), number(1 - filter_.smoothing()));
    if (safety.bounded()) line("    action[j] = clip(action[j], action_low[j], action_high[j]);");
    if (!safety.max_action_change.empty())
      line("    action[j] = clip(action[j], state->previous[j] - max_action_change[j], state->previous[j] + max_action_change[j]);");
    if (stateful_) line("    if (action[j] == action[j]) state->previous[j] = action[j]; /* not a NaN */");
    line("  }}\n}}\n");
  }

  void functions() {
    for (const bool sampled : {false, true}) {
      const bool explores = sampled && from_.exploration_noise > 0, samples = sampled && !explores;
      line("{} {{", signature(sampled ? "sample" : "act", sampled));
      line("  float hidden[{}]{};\n  int j;", spec_.trunk.width(), samples ? fmt::format(", std[{}]", spec_.action) : "");
      line("  trunk(obs, hidden);");
      line("  dense(hidden, {}, mean_kernel, mean_bias, {}, action);", spec_.trunk.width(), spec_.action);
      if (samples && spec_.std_head == StdHead::kExp)
        line("  dense(hidden, {}, log_std_kernel, log_std_bias, {}, std);", spec_.trunk.width(), spec_.action);
      line("  for (j = 0; j < {}; ++j) {{", spec_.action);
      if (samples) {
        line("    std[j] = clip(expf({}), {}, {});", spec_.std_head == StdHead::kExp ? "std[j]" : "log_std_bias[j]", number(kMinStd),
             number(kMaxStd));
        line("    action[j] += std[j] * noise[j];");
      }
      if (spec_.squash) line("    action[j] = tanhf(action[j]);");
      if (explores) line("    action[j] += {} * noise[j];", number(static_cast<float>(from_.exploration_noise)));
      if (explores || !spec_.squash) line("    action[j] = clip(action[j], -1.0f, 1.0f);");
      line("  }}");
      if (!from_.safety.off()) line("  limit({}action);", stateful_ ? "state, " : "");
      if (!from_.units.off()) line("  for (j = 0; j < {}; ++j) action[j] = action_center[j] + action_half[j] * action[j];", spec_.action);
      line("}}{}", sampled ? "" : "\n");
    }
  }

  const ExportedActor& from_;
  std::string header_name_;
  const Actor& actor_;
  const ActorSpec& spec_;
  ActionFilter filter_;
  bool stateful_;
  std::string out_;
};

}  // namespace

std::string c_source(const ExportedActor& actor, const std::string& header) { return Source(actor, header).text(); }
std::string c_header(const ExportedActor& actor, const std::string& header) { return Source(actor, header).header(); }

std::filesystem::path c_header_path(const std::filesystem::path& source) {
  std::filesystem::path header = source;
  if (header.extension() == ".c") return header.replace_extension(".h");
  return header += ".h";
}

std::string action_range(const ExportedActor& actor) {
  if (actor.units.off()) return "-1 to 1";
  const auto at = [](const std::vector<double>& list, std::size_t j) { return list[list.size() == 1 ? 0 : j]; };
  std::string text;
  const std::size_t n = std::max(actor.units.low.size(), actor.units.high.size());
  for (std::size_t j = 0; j < n; ++j)
    text += fmt::format("{}{:g} to {:g}", j > 0 ? ", " : "", at(actor.units.low, j), at(actor.units.high, j));
  return text;
}

}  // namespace warmstart
