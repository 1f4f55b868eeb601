"""Records what PyTorch says about a small agent: tests/golden/diagnostics.

The numbers that tests/diagnostics/diagnostics_test.cpp demands. Regenerate with a Python that has torch and safetensors:

    python tests/oracle/record_diagnostics.py

Two agents, "now" and "before", and two sets of transitions. torch computes Q, TD errors, the spread over the ensemble, the KL
divergence (torch.distributions), distances of actions, dormant units, and Adam's last step (torch.optim). The policy's std is clipped
at 1e-5 at the next observations that a target needs, so that the noise of the sampled action is too small to matter.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "golden" / "diagnostics"
OBS, ACTION, HIDDEN, MEMBERS, LEAST, ROWS, DISCOUNT = 5, 2, (12, 9), 3, 2, 24, 0.97
ACTOR_LR, CRITIC_LR = 3e-4, 1e-3
torch.manual_seed(11)
torch.set_default_dtype(torch.float32)


def trunk(name, size):
    out = {}
    for k, width in enumerate(HIDDEN):
        out[f"{name}/layer{k}/kernel"] = torch.randn(size, width) * 0.8
        out[f"{name}/layer{k}/bias"] = torch.randn(width) * 0.3
        out[f"{name}/layer{k}/scale"] = 1 + 0.2 * torch.randn(width)
        out[f"{name}/layer{k}/shift"] = torch.randn(width) * 0.5
        size = width
    out[f"{name}/layer0/scale"][1] = 1e-6  # units that never speak
    out[f"{name}/layer0/shift"][1] = -3.0
    out[f"{name}/layer1/scale"][4] = 0.0
    out[f"{name}/layer1/shift"][4] = -1.0
    return out


def actor():
    return trunk("actor", OBS) | {
        "actor/mean/kernel": torch.randn(HIDDEN[-1], ACTION) * 0.3,
        "actor/mean/bias": torch.randn(ACTION) * 0.1,
        "actor/log_std/kernel": torch.randn(HIDDEN[-1], ACTION) * 0.3,
        "actor/log_std/bias": torch.randn(ACTION) - 1,
    }


def critic():
    out = {}
    for i in range(MEMBERS):
        out |= trunk(f"critic/{i}", OBS + ACTION)
    return out | {"critic/output/kernel": torch.randn(HIDDEN[-1], 1), "critic/output/bias": torch.randn(1)}


def hidden(p, name, x):
    layers = []
    for k, width in enumerate(HIDDEN):
        q = lambda what: p[f"{name}/layer{k}/{what}"]
        x = F.relu(F.layer_norm(x @ q("kernel") + q("bias"), (width,), q("scale"), q("shift"), eps=1e-6))
        layers.append(x)
    return layers


def gaussian(p, obs):
    h = hidden(p, "actor", obs)[-1]
    std = torch.exp(h @ p["actor/log_std/kernel"] + p["actor/log_std/bias"]).clamp(1e-5, 10)
    return torch.distributions.Normal(h @ p["actor/mean/kernel"] + p["actor/mean/bias"], std)


def q_values(p, obs, action):
    x = torch.cat([obs, action], 1)
    return torch.stack([(hidden(p, f"critic/{i}", x)[-1] @ p["critic/output/kernel"] + p["critic/output/bias"])[:, 0] for i in range(MEMBERS)])


def dormant(p, names, x):
    shares = []
    for name in names:
        silent = units = 0
        for layer in hidden(p, name, x):
            mean = layer.mean(0)
            silent += int((mean <= 0.025 * mean.mean()).sum())
            units += len(mean)
        shares.append(silent / units)
    return sum(shares) / len(shares)


def last_step(params, rate):
    """Three Adam steps with gradients of our own; the moments, the corrected mean of the gradient and the last displacement."""
    tensors = {k: v.clone().requires_grad_() for k, v in params.items()}
    adam = torch.optim.Adam(tensors.values(), lr=rate)
    for _ in range(3):
        before = {k: v.detach().clone() for k, v in tensors.items()}
        for t in tensors.values():
            t.grad = torch.randn_like(t)
        adam.step()
    flat = lambda d: torch.cat([d[k].detach().flatten() for k in tensors])
    state = {k: adam.state[t] for k, t in tensors.items()}
    m = torch.cat([s["exp_avg"].flatten() for s in state.values()]) / (1 - 0.9**3)
    return tensors, state, m.norm().item(), (flat(tensors) - flat(before)).norm().item()


def rows(scale):
    return {
        "obs": torch.randn(ROWS, OBS) * scale,
        "action": torch.tanh(torch.randn(ROWS, ACTION)),
        "next_obs": torch.randn(ROWS, OBS) * scale,
        "reward": torch.randn(ROWS),
        "mask": (torch.rand(ROWS) > 0.2).float(),
    }


def main():
    arrays, expected = {}, {}
    now = {}
    for name, params, rate in (("actor", actor(), ACTOR_LR), ("critic", critic(), CRITIC_LR)):
        tensors, state, gradient, update = last_step(params, rate)
        for k, t in tensors.items():
            now[k] = t.detach()
            arrays[f"now/params/{k}"] = t.detach()
            arrays[f"now/adam_m/{k}"], arrays[f"now/adam_v/{k}"] = state[k]["exp_avg"], state[k]["exp_avg_sq"]
        expected[f"{name}_norm"] = torch.cat([t.detach().flatten() for t in tensors.values()]).norm().item()
        expected[f"{name}_gradient_norm"], expected[f"{name}_update_norm"] = gradient, update
    now["actor/log_std/kernel"][:] *= 0.05
    now["actor/log_std/bias"][:] = -13.0  # std clipped at 1e-5 wherever it is asked
    arrays["now/params/actor/log_std/kernel"], arrays["now/params/actor/log_std/bias"] = now["actor/log_std/kernel"], now["actor/log_std/bias"]
    expected["actor_norm"] = torch.cat([v.flatten() for k, v in now.items() if k.startswith("actor")]).norm().item()
    target = {k: v + 0.05 * torch.randn_like(v) for k, v in now.items() if k.startswith("critic")}
    before = actor() | {k: v + 0.2 * torch.randn_like(v) for k, v in now.items() if k.startswith("critic")}
    arrays |= {f"now/target/{k}": v for k, v in target.items()} | {f"before/params/{k}": v for k, v in before.items()}

    for name, scale in (("offline", 1.0), ("warmup", 0.5)):
        r = rows(scale)
        arrays |= {f"diagnostics/{name}/{k}": v for k, v in r.items()}
        q = q_values(now, r["obs"], r["action"])
        next_action = torch.tanh(gaussian(now, r["next_obs"]).mean)
        y = r["reward"] + DISCOUNT * r["mask"] * q_values(target, r["next_obs"], next_action)[:LEAST].min(0).values
        p, old = gaussian(now, r["obs"]), gaussian(before, r["obs"])
        expected |= {
            f"q_{name}": q.mean().item(),
            f"q_spread_{name}": q.mean(0).std(correction=0).item(),
            f"td_error_{name}": (q - y).abs().mean().item(),
            f"disagreement_{name}": q.std(0, correction=0).mean().item(),
            f"below_pretrained_{name}": (y < q_values(before, r["obs"], r["action"]).mean(0)).float().mean().item(),
            f"kl_{name}": torch.distributions.kl_divergence(p, old).sum(1).mean().item(),
            f"action_distance_{name}": (torch.tanh(p.mean) - torch.tanh(old.mean)).norm(dim=1).mean().item(),
        }
    r = {k: arrays[f"diagnostics/offline/{k}"] for k in ("obs", "action")}
    expected["actor_dormant"] = dormant(now, ["actor"], r["obs"])
    expected["critic_dormant"] = dormant(now, [f"critic/{i}" for i in range(MEMBERS)], torch.cat([r["obs"], r["action"]], 1))

    arrays["diagnostics/warmup_actions"] = torch.tensor([0.125, 0.5])
    FOLDER.mkdir(exist_ok=True)
    save_file({k: v.contiguous().clone() for k, v in arrays.items()}, FOLDER / "agents.safetensors")
    settings = {"hidden": HIDDEN, "members": MEMBERS, "least": LEAST, "discount": DISCOUNT, "actor_lr": ACTOR_LR, "critic_lr": CRITIC_LR, "adam_steps": 3}
    (FOLDER / "expected.json").write_text(json.dumps({"settings": settings, "expected": expected}, indent=1) + "\n")
    print(json.dumps(expected, indent=1))


main()
