"""env_peer.py gymnasium|envpool ID STEPS: for every line read, STEPS random steps of the task; prints {"us_per_step": ...}.

Actions are drawn before the clock runs, resets are timed as they come. EnvPool steps 16 environments on one thread.
"""
import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
kind, name, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = np.random.default_rng(0)
if kind == "gymnasium":
    import gymnasium
    import gymnasium_robotics

    gymnasium.logger.min_level = gymnasium.logger.ERROR
    gymnasium.register_envs(gymnasium_robotics)
    env = gymnasium.make(name)
    actions = rng.uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32)
    env.reset(seed=0)
    version = gymnasium.__version__
else:
    import envpool

    count = 16
    env = envpool.make(name, env_type="gymnasium", num_envs=count, num_threads=1, seed=0)
    actions = rng.uniform(-1, 1, (steps // count, count, *env.action_space.shape)).astype(env.action_space.dtype)
    env.reset()
    version = envpool.__version__

print(json.dumps({"version": version}), flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    for action in actions:
        out = env.step(action)
        if kind == "gymnasium" and (out[2] or out[3]):
            env.reset()
    taken = actions.shape[0] * (1 if kind == "gymnasium" else actions.shape[1])
    print(json.dumps({"us_per_step": (time.perf_counter() - began) / taken * 1e6}), flush=True)
