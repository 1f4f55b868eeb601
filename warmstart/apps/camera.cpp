#include "warmstart/apps/camera.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/core/stop.h"

namespace warmstart {
namespace {

constexpr double kUnknownStep = 0.05;  // s; tasks of one's own need not say

double step_seconds(const Env& env) { return env.spec().control_seconds > 0 ? env.spec().control_seconds : kUnknownStep; }
int stride_of(const Env& env, double fps) { return std::max(1, static_cast<int>(std::lround(1 / (fps * step_seconds(env))))); }

}  // namespace

void add_film_options(CLI::App& verb, FilmOptions& o) {
  verb.add_option("--width", o.width, "Of the pictures, pixels")->capture_default_str();
  verb.add_option("--height", o.height, "Of the pictures, pixels")->capture_default_str();
  verb.add_option("--camera", o.camera, "One of the model's cameras instead of the usual view");
  verb.add_option("--fps", o.fps, "Pictures per simulated second, at most one per step")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1e3));
}

void check_can_be_drawn(const EnvConfig& world) {
  if (!world.plugin.empty()) throw usage_error("the task cannot be drawn", world.plugin, "choose a MuJoCo task of `warmstart list envs`");
}

Camera::Camera(const Env& env, const FilmOptions& o)
    : out_(o.out),
      renderer_(env, o.width, o.height, o.camera),
      stride_(stride_of(env, o.fps)),
      film_(make_film(o.out, o.width, o.height, stride_ * step_seconds(env))) {}

void Camera::shoot() {
  film_->add(renderer_.draw());
  ++pictures_;
}

void Camera::look() {
  stop_unsaved_if_asked("filming");
  if (states_++ % stride_ == 0) shoot();
}

std::string Camera::finish() {
  shoot();
  film_->finish();
  return fmt::format("{}: {} pictures of {} x {}", out_, pictures_, renderer_.width(), renderer_.height());
}

}  // namespace warmstart
