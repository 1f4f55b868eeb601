/* A plug-in that writes down what is done to it, one line a call, into the file that WARMSTART_TEST_LOG names. At compile time: LIMIT
 * (time limit), SAVES (1: save and load), CONTROL (control_seconds), SLOW_RESET (s), NAN_RESET (1), CRASH_DESTROY (1). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "warmstart/envs/plugin_api.h"

#ifndef LIMIT
#define LIMIT 30
#endif
#ifndef SAVES
#define SAVES 0
#endif
#ifndef CONTROL
#define CONTROL 0
#endif
#ifndef SLOW_RESET
#define SLOW_RESET 0
#endif
#ifndef NAN_RESET
#define NAN_RESET 0
#endif
#ifndef CRASH_DESTROY
#define CRASH_DESTROY 0
#endif

typedef struct {
  int t;
  double last;
} Machine;

static const double kLow[1] = {-10}, kHigh[1] = {10};
static int* volatile nowhere;

static void tell(const char* what, double number) {
  const char* path = getenv("WARMSTART_TEST_LOG");
  FILE* out = path ? fopen(path, "a") : NULL;
  if (out) fprintf(out, "%s %.9g\n", what, number), fclose(out);
}

static void observe(const Machine* m, double* obs) {
  obs[0] = 0.01 * m->t;
  obs[1] = m->last / 10;
}

static void* create(void) {
  tell("create", 0);
  return calloc(1, sizeof(Machine));
}
static void destroy(void* env) {
  tell("destroy", 0);
  if (CRASH_DESTROY) *nowhere = 1;
  free(env);
}
static int reset(void* env, uint64_t seed, double* obs) {
  Machine* m = env;
  (void)seed;
  tell("reset", 0);
  if (SLOW_RESET) sleep(SLOW_RESET);
  m->t = 0, m->last = 0;
  observe(m, obs);
  if (NAN_RESET) obs[1] = NAN;
  return 0;
}
static int step(void* env, const double* action, double* obs, warmstart_step* out) {
  Machine* m = env;
  tell("step", action[0]);
  m->t++, m->last = action[0];
  observe(m, obs);
  out->reward = 1 + 0.1 * action[0];
  out->terminated = out->truncated = out->success = 0;
  return 0;
}
static int64_t save(void* env, void* bytes, int64_t capacity) {
  if (bytes && capacity >= (int64_t)sizeof(Machine)) memcpy(bytes, env, sizeof(Machine));
  return sizeof(Machine);
}
static int load(void* env, const void* bytes, int64_t size) {
  if (size != (int64_t)sizeof(Machine)) return 1;
  memcpy(env, bytes, sizeof(Machine));
  return 0;
}

static const warmstart_plugin kPlugin = {
    .version = WARMSTART_PLUGIN_VERSION,
    .size = sizeof(warmstart_plugin),
    .id = "Machine-v0",
    .obs_size = 2,
    .action_size = 1,
    .action_low = kLow,
    .action_high = kHigh,
    .max_episode_steps = LIMIT,
    .control_seconds = CONTROL,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = step,
    .save = SAVES ? save : 0,
    .load = SAVES ? load : 0,
};

const warmstart_plugin* warmstart_env_plugin(void) { return &kPlugin; }
