/*
 * Records what a machine does, step by step, as text that `warmstart data convert` reads (docs/robot-data.md). C99, this header alone.
 *
 *   warmstart_log log;
 *   if (warmstart_log_open(&log, "arm.csv", 4, 1, low, high)) ...        the file is appended to; low, high as in plugin_api.h, or NULL
 *   warmstart_log_begin(&log);                                           at the start of every episode
 *   warmstart_log_step(&log, obs, action, next_obs, reward, terminated, truncated);
 *   warmstart_log_close(&log);
 *
 * Every line is given to the system at once: a program that crashes loses the line it was writing. Functions return 0 on success.
 */
#ifndef WARMSTART_IO_EPISODE_LOG_H
#define WARMSTART_IO_EPISODE_LOG_H

#include <stdio.h>

typedef struct {
  FILE* file;
  int obs_size, action_size, first;
} warmstart_log;

static inline void warmstart_log_row(FILE* f, const char* before, const double* values, int count) {
  for (int i = 0; i < count; ++i) fprintf(f, "%s%.9g", before, values[i]);
}

/* actions are recorded in the machine's units: low and high [action_size] become -1 and 1; NULL: they are between -1 and 1 already */
static inline int warmstart_log_open(warmstart_log* log, const char* path, int obs_size, int action_size, const double* low,
                                     const double* high) {
  char point[8];
  snprintf(point, sizeof point, "%.1f", 0.5);
  if (point[1] != '.') return -1; /* the program's locale writes a comma */
  log->file = fopen(path, "a");
  log->obs_size = obs_size, log->action_size = action_size, log->first = 1;
  if (!log->file) return -1;
  fprintf(log->file, "\n# warmstart episode log 1"); /* the line before may have been cut off by a crash */
  if (low && high) {
    fprintf(log->file, "\n# action_low"), warmstart_log_row(log->file, " ", low, action_size);
    fprintf(log->file, "\n# action_high"), warmstart_log_row(log->file, " ", high, action_size);
  }
  fprintf(log->file, "\nfirst");
  for (int i = 0; i < obs_size; ++i) fprintf(log->file, ",obs_%d", i);
  for (int i = 0; i < action_size; ++i) fprintf(log->file, ",action_%d", i);
  for (int i = 0; i < obs_size; ++i) fprintf(log->file, ",next_obs_%d", i);
  fprintf(log->file, ",reward,terminated,truncated\n");
  return fflush(log->file);
}

static inline void warmstart_log_begin(warmstart_log* log) { log->first = 1; }

/* obs is what the action was chosen from, next_obs what it led to */
static inline int warmstart_log_step(warmstart_log* log, const double* obs, const double* action, const double* next_obs, double reward,
                                     int terminated, int truncated) {
  fprintf(log->file, "%d", log->first);
  warmstart_log_row(log->file, ",", obs, log->obs_size);
  warmstart_log_row(log->file, ",", action, log->action_size);
  warmstart_log_row(log->file, ",", next_obs, log->obs_size);
  fprintf(log->file, ",%.9g,%d,%d\n", reward, terminated != 0, truncated != 0);
  log->first = 0;
  return fflush(log->file);
}

static inline int warmstart_log_close(warmstart_log* log) { return fclose(log->file); }

#endif
