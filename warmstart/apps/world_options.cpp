#include "warmstart/apps/world_options.h"

namespace warmstart {

void add_world_options(CLI::App& verb, EnvConfig& env) {
  verb.add_option("--friction-scale", env.friction_scale, "Multiplies every friction coefficient of the world")
      ->capture_default_str()
      ->check(CLI::Range(1e-3, 1e3));
  verb.add_option("--mass-scale", env.mass_scale, "Multiplies every mass and inertia of the world")
      ->capture_default_str()
      ->check(CLI::Range(1e-3, 1e3));
  verb.add_option("--clearance", env.clearance, "Peg insertion: gap on each side, mm; 0 = the task's own")->capture_default_str();
}

}  // namespace warmstart
