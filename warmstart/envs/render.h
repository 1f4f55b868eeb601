// Pictures of simulated tasks, without a screen and in software where there is no GPU.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "warmstart/envs/env.h"

namespace warmstart {

/// Draws one environment; one Renderer at a time in a process, used by the thread that made it.
class Renderer {
 public:
  /// `camera` is one of the model's; "" takes a view that suits the task. `env` must outlive the renderer.
  /// Throws Error(kUsage) for a task that is not simulated or has no such camera (naming those it has), and for sizes outside 16 to
  /// 4096; Error(kMachine) naming the packages when OpenGL is missing.
  Renderer(const Env& env, int width, int height, const std::string& camera = "");
  ~Renderer();

  int width() const;
  int height() const;
  /// The environment as it is now: RGB, rows from the top, [height * width * 3]. Valid until the next call. The same state gives the
  /// same bytes on the same graphics driver.
  std::span<const std::uint8_t> draw();

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
};

}  // namespace warmstart
