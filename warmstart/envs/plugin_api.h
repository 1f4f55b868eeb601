/*
 * An environment of your own as a shared object, for `env.plugin` in a recipe. C99; this header needs nothing else of Warmstart.
 *
 *   cc -O2 -fPIC -shared -I PREFIX/include my_env.c -o my_env.so
 *   warmstart doctor --env-plugin ./my_env.so
 *
 * The object exports one function, warmstart_env_plugin(), which returns a description that lives as long as the object is loaded.
 * Warmstart loads it into a process of its own, calls it from one thread, and may create several environments in it. Whatever the
 * plug-in prints goes to standard error. A call that crashes, throws or takes longer than env.plugin_timeout (create, reset, destroy:
 * env.plugin_reset_timeout) ends that process with a message; the run is saved. destroy is not called then: a machine needs a watchdog.
 * Without save and load Warmstart has one environment at a time, and evaluates between the episodes of training.
 */
#ifndef WARMSTART_ENVS_PLUGIN_API_H
#define WARMSTART_ENVS_PLUGIN_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when this header changes in a way that old plug-ins do not survive. */
#define WARMSTART_PLUGIN_VERSION 1

/* What a step gave besides its observation. Every field must be written. */
typedef struct warmstart_step {
  double reward;
  int32_t terminated; /* not 0: a true end; the value of what comes after is 0 */
  int32_t truncated;  /* not 0: cut short; what comes after still has a value. The time limit is Warmstart's, leave it at 0 then */
  int32_t success;    /* not 0: goal reached in this step (when reports_success) */
} warmstart_step;

typedef struct warmstart_plugin {
  uint32_t version; /* WARMSTART_PLUGIN_VERSION; nothing else is read when it differs */
  uint32_t size;    /* sizeof(warmstart_plugin) */

  const char* id;            /* name of the task, e.g. "MyCart-v0"; checkpoints and datasets carry it */
  const char* summary;       /* one line, or NULL */
  int32_t obs_size;          /* length of the flat observation, 1 .. 1000000 */
  int32_t action_size;       /* length of the action, 1 .. 1000000 */
  const double* action_low;  /* [action_size], or NULL for -1: policies and datasets speak of -1 .. 1, which Warmstart */
  const double* action_high; /* [action_size], or NULL for 1: clips to and maps linearly to low .. high, each coordinate */
  int32_t max_episode_steps; /* time limit in steps, 1 or more; Warmstart ends the episode there */
  double control_seconds;    /* time that a step stands for, s; 0 when it has none */
  int32_t sparse_reward;     /* not 0: the reward is 0 or 1 for reaching the goal */
  int32_t reports_success;   /* not 0: warmstart_step.success means something */

  /* An environment, or NULL on failure. What differs between episodes is drawn in reset. */
  void* (*create)(void);
  /* Called for every environment in the end, also when Warmstart was killed (within five seconds for all): stop a machine here. */
  void (*destroy)(void* env);

  /* Starts an episode and writes obs [obs_size], finite numbers. The episode is a function of seed and the actions after it, whatever
   * happened before. 0 on success. */
  int (*reset)(void* env, uint64_t seed, double* obs);
  /* One control step: reads action [action_size], within the bounds; writes obs [obs_size] and *step. 0 on success. */
  int (*step)(void* env, const double* action, double* obs, warmstart_step* step);

  /* Optional, both or neither (NULL): exact copies of an environment in the middle of an episode, also for another process. Without
   * them a resumed run begins a new episode.
   * save: size of the state in bytes; writes it when bytes is not NULL and capacity suffices; negative on failure.
   * load: makes env go on from that state, as if it had been there. 0 on success. */
  int64_t (*save)(void* env, void* bytes, int64_t capacity);
  int (*load)(void* env, const void* bytes, int64_t size);

  /* Optional (NULL): the reason of the last failure, after create (env is NULL), reset, step, save or load failed. */
  const char* (*error)(void* env);
} warmstart_plugin;

/* The one symbol to export. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const warmstart_plugin*
warmstart_env_plugin(void);

#ifdef __cplusplus
}
#endif
#endif
