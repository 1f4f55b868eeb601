/* Records episodes of the cart in plugin_env.c under a controller written by hand, as one would record a machine: data to pre-train on.
 *
 *   cc -O2 -I. examples/record_data.c -o record_data -lm
 *   ./record_data cart.csv 20
 *   warmstart data convert cart.csv cart.hdf5
 */
#include "plugin_env.c"
#include "warmstart/io/episode_log.h"

int main(int argc, char** argv) {
  const warmstart_plugin* cart = warmstart_env_plugin();
  const int episodes = argc > 2 ? atoi(argv[2]) : 0;
  warmstart_log log;
  uint64_t noise = 1;
  if (episodes < 1 || warmstart_log_open(&log, argv[1], OBS, ACTIONS, cart->action_low, cart->action_high) != 0) {
    fprintf(stderr, "record_data FILE.csv EPISODES\n");
    return 2;
  }
  void* env = cart->create();
  if (!env) return 1;
  for (int e = 0; e < episodes; ++e) {
    double obs[OBS], next[OBS], action[ACTIONS];
    warmstart_step out = {0};
    int t = 0, truncated = 0;
    cart->reset(env, (uint64_t)e, obs);
    warmstart_log_begin(&log);
    while (!out.terminated && !truncated) {
      action[0] = 60 * obs[2] + 8 * obs[3] + obs[0] + obs[1] + 4 * uniform(&noise);
      action[0] = fmax(kForce[0], fmin(kForce[1], action[0]));
      cart->step(env, action, next, &out);
      truncated = !out.terminated && ++t == cart->max_episode_steps;
      if (warmstart_log_step(&log, obs, action, next, out.reward, out.terminated, truncated) != 0) return 1; /* the disk is full */
      memcpy(obs, next, sizeof obs);
    }
  }
  cart->destroy(env);
  return warmstart_log_close(&log) == 0 ? 0 : 1;
}
