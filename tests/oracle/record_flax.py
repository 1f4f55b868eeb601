"""Records checkpoints of the public reference implementation, and what is in them: tests/golden/flax.

The numbers that tests/phases/flax_import_test.cpp and tests/apps/import_test.py demand. Regenerate them with a checkout of
github.com/zhouzypaul/wsrl (at 891ee353afe5303835da421c60d4ac35f6e2ef10) and a Python that has its pinned requirements (jax 0.4.20,
flax 0.7.5, orbax-checkpoint 0.3.5, optax 0.1.5, distrax 0.1.2):

    JAX_PLATFORMS=cpu python tests/oracle/record_flax.py CHECKOUT

Every agent is made, updated and saved by the reference's and flax's own functions. Beside each checkpoint lies NAME.safetensors with
the same state read through Python: parameters, target critic, each network's own moments and count, by the names flax gives them,
and for a few observations what the reference's policy and critics compute. Sizes fit PointMaze (6 observations, 2 actions).
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, sys.argv[1])

import flax
import flax.serialization
import jax
import numpy as np
from flax.training import checkpoints

from experiments.configs import cql_config, iql_config, sac_config
from wsrl.agents import agents

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "flax"
OBS, ACTION, ROWS, SEEN = 6, 2, 16, 4


def batch(rng, rows):
    normal = lambda *shape: rng.normal(size=shape).astype(np.float32)
    return {
        "observations": normal(rows, OBS),
        "next_observations": normal(rows, OBS),
        "actions": np.tanh(normal(rows, ACTION)),
        "rewards": normal(rows),
        "masks": (rng.random(rows) > 0.2).astype(np.float32),
        "mc_returns": normal(rows),
    }


def make(name, config, rng, **changes):
    kwargs = config.to_dict() | changes
    example = batch(rng, ROWS)
    return agents[name].create(
        rng=jax.random.PRNGKey(7), observations=example["observations"], actions=example["actions"], encoder_def=None, **kwargs
    )


def networks(critic, actor, layer_norm, std):
    return {
        "critic_network_kwargs": {"hidden_dims": critic, "use_layer_norm": layer_norm, "activate_final": True},
        "policy_network_kwargs": {"hidden_dims": actor, "use_layer_norm": layer_norm, "activate_final": True},
        "policy_kwargs": {"tanh_squash_distribution": True, "std_parameterization": std},
        "actor_optimizer_kwargs": {"learning_rate": 1e-3},
        "critic_optimizer_kwargs": {"learning_rate": 3e-3},
    }


def flat(tree, prefix):
    return {prefix + "/".join(k.key for k in path): np.array(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def adam(opt_state):
    """The one moment state inside an optimizer's nested tuples."""
    if hasattr(opt_state, "mu"):
        return [opt_state]
    children = opt_state.inner_state if hasattr(opt_state, "inner_state") else opt_state
    return [found for child in children for found in adam(child)] if isinstance(children, tuple) else []


def expected(agent, rng):
    state = agent.state
    out = flat(state.params, "params/") | flat({"modules_critic": state.target_params["modules_critic"]}, "target/")
    for net, opt_state in state.opt_states.items():
        (moments,) = adam(opt_state)
        out |= flat(moments.mu["modules_" + net], f"mu/modules_{net}/") | flat(moments.nu["modules_" + net], f"nu/modules_{net}/")
        out[f"count/{net}"] = np.array(moments.count)
    out["step"] = np.array(state.step)
    seen = batch(rng, SEEN)
    dist = agent.forward_policy(seen["observations"], train=False)
    out["obs"], out["action"] = seen["observations"], seen["actions"]
    out["mode"] = np.array(agent.sample_actions(seen["observations"], argmax=True))
    out["std"] = np.broadcast_to(np.array(dist.distribution.stddev()), (SEEN, ACTION))
    key = jax.random.PRNGKey(0)
    out["q"] = np.array(agent.forward_critic(seen["observations"], seen["actions"], key))
    out["target_q"] = np.array(agent.forward_target_critic(seen["observations"], seen["actions"], key))
    return out


def write_safetensors(path, tensors):
    names = {np.dtype("float32"): "F32", np.dtype("int32"): "I32"}
    header, data = {}, b""
    for name, array in tensors.items():
        raw = array.tobytes("C")
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def save(name, agent, step, rng=None):
    checkpoints.save_checkpoint(FOLDER / name, agent, step=step, keep=30, overwrite=True)
    if rng is not None:
        write_safetensors(FOLDER / f"{name}.safetensors", expected(agent, rng))


def main():
    # Cal-QL with a tuned alpha, ten critics, LayerNorm, as fine-tuning scripts save it: a folder made by orbax
    rng = np.random.default_rng(0)
    sizes = networks([12, 8], [8, 12], True, "exp")
    changes = {"critic_ensemble_size": 10, "critic_subsample_size": 2, "cql_autotune_alpha": True, "cql_n_actions": 3}
    agent = make("calql", cql_config.get_config(), rng, **sizes, **changes, use_calql=True)
    for _ in range(3):
        agent, _ = agent.update(batch(rng, ROWS))
    save("calql", agent, 3, rng)

    # IQL, which has a network that SAC and CQL do not have
    agent = make("iql", iql_config.get_config(), rng, **networks([4], [4], False, "exp"))
    save("iql", agent, 0)

    # SAC with two critics: one file in flax's own format, arrays above 256 bytes in pieces as flax does above 1 GiB
    rng = np.random.default_rng(1)
    flax.config.update("flax_use_orbax_checkpointing", False)
    flax.serialization.MAX_CHUNK_SIZE = 256
    agent = make("sac", sac_config.get_config(), rng, **networks([8], [10, 6], False, "uniform"), critic_ensemble_size=2)
    for _ in range(2):
        agent, _ = agent.update_high_utd(batch(rng, ROWS), utd_ratio=2)
    save("sac", agent, 6, rng)


main()
