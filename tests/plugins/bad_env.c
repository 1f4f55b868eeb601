/* A plug-in that goes wrong in the way that BAD names: one number on a line, small enough to see. Compiled once for each. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "warmstart/envs/plugin_api.h"

#define VERSION 1
#define NO_SYMBOL 2
#define CRASH 3
#define HANG 4
#define NAN_OBS 5
#define TOO_MANY 6
#define TOO_FEW 7
#define NAN_REWARD 8
#define FAILS 9
#define NO_STEP 10
#define NO_SIZE 11
#define RANDOM 12
#define REMEMBERS 13
#define GLOBAL 14
#define FORGETS 15
#define EXITS 16
#define CRASH_AT_LOAD 17
#define SAVE_FAILS 18
#define NO_STATE 19
#define HUGE_OBS 20

typedef struct {
  double x, hidden;
  int64_t steps, all;
} World;

static double shared_x;
static int* volatile nowhere;

static void* create(void) { return calloc(1, sizeof(World)); }
static void destroy(void* env) {
  const char* told = getenv("WARMSTART_TEST_DESTROYED");
  FILE* out = told ? fopen(told, "a") : NULL;
  if (out) fputs("destroyed\n", out), fclose(out);
  free(env);
}

static void observe(const World* w, double* obs) {
  obs[0] = w->x;
  if (BAD != TOO_FEW) obs[1] = (double)w->steps;
  if (BAD == TOO_MANY) obs[2] = 1;
  if (BAD == REMEMBERS) obs[1] = (double)w->all;
}

static int reset(void* env, uint64_t seed, double* obs) {
  World* w = env;
  w->x = (double)(seed >> 40) / 16777216.0;
  if (BAD == RANDOM) w->x = (double)getpid();
  w->hidden = 1, w->steps = 0, shared_x = w->x;
  observe(w, obs);
  return 0;
}

/* An environment fails in the step after START_BAD_AT, counted over its life: late enough for a run to have something to save. */
#ifndef START_BAD_AT
#define START_BAD_AT 5
#endif

static int step(void* env, const double* action, double* obs, warmstart_step* out) {
  World* w = env;
  const int now = ++w->all > START_BAD_AT;
  w->steps++;
  if (BAD == GLOBAL) w->x = shared_x;
  w->hidden *= 0.9;
  w->x = 0.9 * w->x + 0.1 * action[0] + 0.01 * w->hidden;
  shared_x = w->x;
  if (now && BAD == CRASH) *nowhere = 1;
  if (now && BAD == HANG)
    for (;;) pause(); /* without end */
  if (now && BAD == EXITS) exit(7);
  if (now && BAD == FAILS) return 3;
  observe(w, obs);
  if (now && BAD == NAN_OBS) obs[1] = NAN;
  if (now && BAD == HUGE_OBS) obs[1] = 1e300; /* no number in single precision */
  out->reward = now && BAD == NAN_REWARD ? INFINITY : -fabs(w->x);
  out->terminated = out->truncated = out->success = 0;
  return 0;
}

static int64_t save(void* env, void* bytes, int64_t capacity) {
  if (BAD == SAVE_FAILS) return -1;
  if (bytes && capacity >= (int64_t)sizeof(World)) memcpy(bytes, env, sizeof(World));
  return sizeof(World);
}
static int load(void* env, const void* bytes, int64_t size) {
  if (size != (int64_t)sizeof(World)) return 1;
  memcpy(env, bytes, sizeof(World));
  if (BAD == FORGETS) ((World*)env)->hidden = 0;
  return 0;
}

static const char* error(void* env) { return env ? "the motor is off" : "no room"; }

#if BAD == CRASH_AT_LOAD
__attribute__((constructor)) static void at_load(void) { abort(); }
#endif

static const warmstart_plugin kPlugin = {
    .version = WARMSTART_PLUGIN_VERSION + (BAD == VERSION),
    .size = sizeof(warmstart_plugin),
    .id = "Line-v0",
    .obs_size = BAD == NO_SIZE ? 0 : 2,
    .action_size = 1,
    .max_episode_steps = 20,
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .step = BAD == NO_STEP ? 0 : step,
    .save = BAD == NO_STATE ? 0 : save,
    .load = BAD == NO_STATE ? 0 : load,
    .error = error,
};

#if BAD != NO_SYMBOL
const warmstart_plugin* warmstart_env_plugin(void) { return &kPlugin; }
#else
const warmstart_plugin* another_name(void) { return &kPlugin; }
#endif
