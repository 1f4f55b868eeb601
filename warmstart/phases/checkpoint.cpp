// Saving and restoring a run. One atomic file names the rows committed to the buffer's segments and the bytes committed to
// the metrics, so whatever moment a process dies at, resuming goes on from one consistent state.
#include <fmt/format.h>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/phases/agent_file.h"
#include "warmstart/phases/run.h"

namespace warmstart {
namespace {

void put(StateWriter& out, const RunState& s) {
  out.put(s.phase), out.put(s.pretrain_steps), out.put(s.online_steps), out.put(s.episodes), out.put(s.updates);
  out.put(s.buffer_rows), out.put(s.metrics), out.put(s.data_rng), out.put(s.noise_rng), out.put(s.policy_rng);
  out.put(s.critic_fits), out.put(s.finished_rows), out.put(s.warm_up_steps), out.put(s.warm_up_errors), out.put(s.frozen_until);
  out.put(s.control), out.put(s.evaluation_due);
  out.put(s.evaluated_policy), out.put(s.seconds), out.put(s.evaluating), out.put(s.switched), out.put(s.lost_success),
      out.put(s.start_noise), out.put(s.first_update);
  out.put(s.seen.count), out.put(s.seen.mean), out.put(s.seen.deviation);
  out.put(static_cast<std::uint64_t>(s.changes.size()));
  for (const auto& [where, change] : s.changes) out.put(where), out.put(change.key), out.put(change.was), out.put(change.now);
}

void get(StateReader& in, RunState& s) {
  in.get(s.phase), in.get(s.pretrain_steps), in.get(s.online_steps), in.get(s.episodes), in.get(s.updates);
  in.get(s.buffer_rows), in.get(s.metrics), in.get(s.data_rng), in.get(s.noise_rng), in.get(s.policy_rng);
  in.get(s.critic_fits), in.get(s.finished_rows), in.get(s.warm_up_steps), in.get(s.warm_up_errors), in.get(s.frozen_until);
  in.get(s.control), in.get(s.evaluation_due);
  in.get(s.evaluated_policy), in.get(s.seconds), in.get(s.evaluating), in.get(s.switched), in.get(s.lost_success), in.get(s.start_noise);
  in.get(s.first_update);
  in.get(s.seen.count), in.get(s.seen.mean), in.get(s.seen.deviation);
  std::uint64_t changes;
  in.get(changes);
  s.changes.clear();
  for (; changes > 0; --changes) {
    auto& [where, change] = s.changes.emplace_back();
    in.get(where), in.get(change.key), in.get(change.was), in.get(change.now);
  }
}

// Where the source is, in a field of its own: whole, or its streams alone.
std::vector<std::uint8_t> state_of(const ExperienceSource& source) {
  StateWriter out;
  out.put(source.can_save());
  source.save(out);
  return out.bytes();
}

constexpr const char* kFormatKey = "checkpoint_format";

// Of all that is no array: agents of another number can still be read.
void check_format(const SafeTensors& file, const std::string& where) {
  const auto at = file.metadata.find(kFormatKey);
  const std::string format = at == file.metadata.end() ? "1" : at->second;
  if (format != std::to_string(kCheckpointFormat))
    throw data_error(fmt::format("checkpoint of format {}; this program reads format {}", format, kCheckpointFormat), where,
                     "resume with the version of warmstart that wrote it, start again with --overwrite, or keep its pre-training with "
                     "`finetune --from` its pretrained.safetensors and another --out");
}

}  // namespace

void Run::save_checkpoint() {
  finish_save();
  check_parameters();
  if (buffer) {
    state.buffer_rows = buffer->append_new_rows(options.folder / "buffer");
    state.finished_rows = buffer->finished(), state.lost_success = buffer->lost_success();
  }
  state.metrics = metrics_->sync();
  if (policy) state.policy_rng = policy->rng();
  state.seconds[phase_index()] += seconds_since_saved();
  phase_began_ = std::chrono::steady_clock::now();

  SafeTensors file;
  put_agent(agent->state(), file);
  if (diagnostics.on()) diagnostics.put(file);
  StateWriter out;
  put(out, state);
  meter.save(out);
  save_watch(out, file);
  std::optional<Error> failure;
  if (source) {
    try {
      out.put(state_of(*source));
    } catch (const Error& error) {  // a task that cannot say where it is must not cost what was learned
      if (source->can_save()) throw;
      failure = error;
      out.put(state_of(*source));
    }
  }
  file.tensors["run_state"] = Tensor::from_bytes(out.bytes());
  put_header(recipe, "checkpoint", phase_name(state.phase), file);
  file.metadata["precision"] = precision_name(precision);
  file.metadata[kFormatKey] = std::to_string(kCheckpointFormat);
  if (source && !source->can_save()) file.metadata["episode"] = "not saved";
  // the copy is made; writing and fsync happen off the control path
  saving_ = std::async(std::launch::async, [path = options.folder / kCheckpointFile, f = std::move(file)] { write_safetensors(path, f); });
  last_save_ = std::chrono::steady_clock::now();
  if (failure) {
    finish_save();
    write_info("failed");
    throw saved_before_failing(*failure);
  }
}

void Run::finish_save() {
  if (saving_.valid()) saving_.get();
}

RunState run_state_of(const SafeTensors& checkpoint, const std::string& where) {
  check_header(checkpoint, where, "");
  check_format(checkpoint, where);
  const auto bytes = checkpoint.at("run_state", where).u8();
  StateReader in(bytes, where);
  RunState state;
  get(in, state);
  return state;
}

bool Run::load_checkpoint() {
  const fs::path path = options.folder / kCheckpointFile;
  if (!fs::exists(path)) return false;
  const SafeTensors file = read_safetensors(path);
  const std::string where = path.string();
  check_header(file, where, recipe.env.id);
  check_bounds(file, env_spec(recipe.env), where);
  check_format(file, where);
  const auto saved = file.metadata.find("recipe");
  if (saved == file.metadata.end()) throw data_error("the header has no recipe", where, "start again with --overwrite");
  const auto bytes = file.at("run_state", where).u8();
  StateReader in(bytes, where);
  get(in, state);
  take_changes(parse_header_recipe(saved->second, where), where);
  // the same wish may come to less on another machine; emulated or not, bf16 is the same mathematics
  const auto used = file.metadata.find("precision");
  const std::string was = used == file.metadata.end() ? precision_name(Precision::kFp32) : used->second, now = precision_name(precision);
  if ((was == "fp32") != (now == "fp32"))
    throw usage_error(
        fmt::format("the precision changed since this run was saved: it was {}, here it is {}", was, now), where,
        "resume on a CPU like the one before (`warmstart doctor` tells), with WARMSTART_BF16 as it was, or use another --out");

  meter.load(in);
  if (state.phase != Phase::kPretrain) prepare_online(fresh_agent(recipe));
  get_agent(file, where, agent->state());
  load_watch(in, file, where);
  if (state.phase != Phase::kPretrain) {
    policy->set_actor(std::make_shared<Actor>(agent->state().actor));
    policy->rng() = state.policy_rng;
    buffer->restore(options.folder / "buffer", state.buffer_rows, state.finished_rows, state.lost_success);
    StateReader source_state(in.next(), where);
    bool whole;
    source_state.get(whole);
    source->load(source_state);
    if (!whole && buffer->episode_open()) {
      buffer->close_episode();
      note("the task could not save its state: the episode that was under way ends here, and a new one begins");
    }
  }
  return true;
}

void Run::save_agent(const std::string& file_name) {
  check_parameters();
  SafeTensors file;
  put_agent(agent->state(), file);
  if (diagnostics.on() && state.phase == Phase::kWarmup) diagnostics.put_offline(file);
  put_header(recipe, "agent", phase_name(state.phase), file);
  file.metadata.insert({{"evaluated_policy", state.evaluated_policy},
                        {"pretrain_steps", std::to_string(state.pretrain_steps)},
                        {"online_steps", std::to_string(state.online_steps)},
                        {"updates", std::to_string(state.updates)},
                        {"episodes", std::to_string(state.episodes)},
                        {"precision", precision_name(precision)}});
  write_safetensors(options.folder / file_name, file);
}

}  // namespace warmstart
