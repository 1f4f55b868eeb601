/* A task whose observations say nothing of when an episode ends. STILL: every observation is the same, so one episode begins where
 * the last ended. LENGTH: steps after which the task itself ends an episode, 0 = never; LIMIT is its time limit. NO_STATE: it cannot
 * be saved. */
#include <stdlib.h>
#include <string.h>

#include "warmstart/envs/plugin_api.h"

#ifndef STILL
#define STILL 0
#endif
#ifndef LENGTH
#define LENGTH 0
#endif

typedef struct {
  int64_t steps;
  double last;
} World;

static void* create(void) { return calloc(1, sizeof(World)); }
static void destroy(void* env) { free(env); }

static void observe(const World* w, double* obs) {
  obs[0] = STILL ? 0.5 : 0.01 * (double)w->steps;
  obs[1] = STILL ? 0.5 : 0.1 * w->last;
}

static int reset(void* env, uint64_t seed, double* obs) {
  World* w = env;
  (void)seed;
  w->steps = 0, w->last = 0;
  observe(w, obs);
  return 0;
}

static int step(void* env, const double* action, double* obs, warmstart_step* out) {
  World* w = env;
  w->steps++, w->last = action[0];
  observe(w, obs);
  out->reward = 1 + 0.1 * action[0];
  out->terminated = LENGTH > 0 && w->steps >= LENGTH;
  out->truncated = out->success = 0;
  return 0;
}

#ifndef NO_STATE
static int64_t save(void* env, void* bytes, int64_t capacity) {
  if (bytes && capacity >= (int64_t)sizeof(World)) memcpy(bytes, env, sizeof(World));
  return sizeof(World);
}
static int load(void* env, const void* bytes, int64_t count) {
  if (count != (int64_t)sizeof(World)) return 1;
  memcpy(env, bytes, sizeof(World));
  return 0;
}
#endif

static const double low[1] = {-1}, high[1] = {1};
static const warmstart_plugin kPlugin = {
    .version = WARMSTART_PLUGIN_VERSION,
    .size = sizeof(warmstart_plugin),
    .id = "Steady-v0",
    .summary = "steps that look alike",
    .obs_size = 2,
    .action_size = 1,
    .action_low = low,
    .action_high = high,
    .max_episode_steps = LIMIT,
    .control_seconds = 0.01,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = step,
#ifndef NO_STATE
    .save = save,
    .load = load,
#endif
};
const warmstart_plugin* warmstart_env_plugin(void) { return &kPlugin; }
