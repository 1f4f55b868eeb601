/* A cart with a pendulum on it, to be balanced: an environment for Warmstart as a plug-in in plain C.
 *
 *   cc -O2 -fPIC -shared -I. examples/plugin_env.c -o plugin_env.so -lm
 *   warmstart doctor --env-plugin ./plugin_env.so
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "warmstart/envs/plugin_api.h"

enum { OBS = 4, ACTIONS = 1 };

/* Everything that the next steps depend on: save and load copy it whole. */
typedef struct {
  double x, v, angle, rate; /* m, m/s, rad from upright, rad/s */
} Cart;

static const double kForce[2] = {-10, 10}; /* N, bounds of the action */

static double uniform(uint64_t* state) { /* splitmix64, to -1 .. 1 */
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (double)((z ^ (z >> 31)) >> 11) / 4503599627370496.0 - 1;
}

static void observe(const Cart* c, double* obs) {
  obs[0] = c->x;
  obs[1] = c->v;
  obs[2] = c->angle;
  obs[3] = c->rate;
}

static void* create(void) { return calloc(1, sizeof(Cart)); }
static void destroy(void* env) { free(env); }

static int reset(void* env, uint64_t seed, double* obs) {
  Cart* c = env;
  c->x = 0.05 * uniform(&seed);
  c->v = 0.05 * uniform(&seed);
  c->angle = 0.05 * uniform(&seed);
  c->rate = 0.05 * uniform(&seed);
  observe(c, obs);
  return 0;
}

static int step(void* env, const double* action, double* obs, warmstart_step* out) {
  Cart* c = env;
  const double g = 9.8, mass = 0.1, total = 1.1, half = 0.5, dt = 0.02;
  const double s = sin(c->angle), k = cos(c->angle);
  const double push = (action[0] + mass * half * c->rate * c->rate * s) / total;
  const double turn = (g * s - k * push) / (half * (4.0 / 3.0 - mass * k * k / total));
  const double pull = push - mass * half * turn * k / total;
  c->x += dt * c->v;
  c->v += dt * pull;
  c->angle += dt * c->rate;
  c->rate += dt * turn;
  observe(c, obs);
  out->terminated = fabs(c->x) > 2.4 || fabs(c->angle) > 0.21;
  out->truncated = 0; /* the time limit is Warmstart's */
  out->success = 0;
  out->reward = out->terminated ? 0 : 1;
  return 0;
}

static int64_t save(void* env, void* bytes, int64_t capacity) {
  if (bytes && capacity >= (int64_t)sizeof(Cart)) memcpy(bytes, env, sizeof(Cart));
  return sizeof(Cart);
}

static int load(void* env, const void* bytes, int64_t size) {
  if (size != (int64_t)sizeof(Cart)) return 1;
  memcpy(env, bytes, sizeof(Cart));
  return 0;
}

static const char* error(void* env) {
  (void)env;
  return "the saved state has another size";
}

static const warmstart_plugin kPlugin = {
    .version = WARMSTART_PLUGIN_VERSION,
    .size = sizeof(warmstart_plugin),
    .id = "CartPendulum-v0",
    .summary = "balance a pendulum on a cart; one for every step that it stands",
    .obs_size = OBS,
    .action_size = ACTIONS,
    .action_low = &kForce[0],
    .action_high = &kForce[1],
    .max_episode_steps = 200,
    .control_seconds = 0.02,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = step,
    .save = save,
    .load = load,
    .error = error,
};

const warmstart_plugin* warmstart_env_plugin(void) { return &kPlugin; }
