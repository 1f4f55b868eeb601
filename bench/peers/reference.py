"""The public JAX implementation of WSRL as a peer: `reference.py CHECKOUT CASE`.

Speaks the protocol of run.py: one JSON line when ready, then for every line read one timed step, answered with its
milliseconds. Sizes and settings are the checkout's own presets; the data is as synthetic as that of `warmstart bench`.
"""
import json
import os
import sys
import time

# case -> (agent, preset, observation size, action size, what the checkout's launch scripts add)
ENSEMBLE = {"critic_ensemble_size": 10, "critic_subsample_size": 2}
CASES = {
    "wsrl-antmaze": ("sac", "antmaze_wsrl", 29, 8, {}),
    "wsrl-adroit": ("sac", "adroit_wsrl", 45, 24, {}),
    "wsrl-kitchen": ("sac", "kitchen_wsrl", 60, 9, {}),
    "wsrl-locomotion": ("sac", "locomotion_wsrl", 17, 6, {}),
    "calql-antmaze": ("calql", "antmaze_cql", 29, 8, ENSEMBLE),
    "calql-adroit": ("calql", "adroit_cql", 45, 24, ENSEMBLE),
    "cql-kitchen": ("cql", "kitchen_cql", 60, 9, ENSEMBLE),
    "cql-locomotion": ("cql", "locomotion_cql", 17, 6, ENSEMBLE),
    "iql-antmaze": ("iql", "antmaze_iql", 29, 8, {}),
}


def main(checkout, case):
    sys.path.insert(0, os.path.abspath(checkout))
    import jax
    import numpy as np
    from experiments.configs.train_config import get_config
    from wsrl.agents import agents

    agent_name, preset, obs, action, extra = CASES[case]
    kwargs = dict(get_config(preset).agent_kwargs, **extra)
    if extra:  # an agent that starts WSRL has its LayerNorms
        for part in ("critic_network_kwargs", "policy_network_kwargs"):
            kwargs[part] = dict(kwargs[part], use_layer_norm=True)
    utd = 4 if case.startswith("wsrl") else 1
    rows = 256 * utd
    draw = np.random.default_rng(0)
    normal = lambda *shape: draw.standard_normal(shape).astype(np.float32)
    batch = {
        "observations": normal(rows, obs),
        "next_observations": normal(rows, obs),
        "actions": np.clip(normal(rows, action), -0.99999, 0.99999),
        "rewards": normal(rows),
        "masks": np.ones(rows, np.float32),
        "mc_returns": normal(rows),
    }
    agent = agents[agent_name].create(
        rng=jax.random.PRNGKey(0), observations=batch["observations"], actions=batch["actions"], encoder_def=None, **kwargs
    )

    def step():
        nonlocal agent
        agent, info = agent.update_high_utd(batch, utd_ratio=utd) if utd > 1 else agent.update(batch)
        jax.block_until_ready((agent.state.params, info))

    began = time.perf_counter()
    for _ in range(3):  # it compiles twice: the second step's optimiser state has other types
        step()
    compile_seconds = time.perf_counter() - began
    print(json.dumps({"peer": "reference", "version": "jax " + jax.__version__, "start_s": compile_seconds}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        step()
        print(json.dumps({"ms": 1e3 * (time.perf_counter() - began)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
