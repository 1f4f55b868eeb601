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

void change_world(const EnvConfig& asked, EnvConfig& world) {
  if (asked.friction_scale != 1) world.friction_scale = asked.friction_scale;
  if (asked.mass_scale != 1) world.mass_scale = asked.mass_scale;
  if (asked.clearance != 0) world.clearance = asked.clearance;
}

}  // namespace warmstart
