"""PyTorch as a peer: `torch_peer.py eager|compiled CASE`.

The same updates as Warmstart's, written the way one would write them well in plain PyTorch: ensembles as batched matrix
products, only the asked members of targets and of the conservative term, the observation's share of a first layer once per
state, fused Adam. Speaks the protocol of run.py. Sizes and settings come from `warmstart bench list --json`.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

WARMSTART = os.environ.get("WARMSTART_BINARY", pathlib.Path(__file__).resolve().parents[2] / "build/release/warmstart")
EPSILON = 1e-6  # of LayerNorm


def case_named(name):
    cases = json.loads(subprocess.run([WARMSTART, "bench", "list", "--json"], check=True, capture_output=True, text=True).stdout)
    return next(c for c in cases if c["case"] == name)


def parameter(*shape, gain=math.sqrt(2)):
    """Orthogonal for kernels [..., in, out]; biases and shifts start at 0."""
    value = torch.zeros(shape)
    if len(shape) > 1 and shape[-2] > 1:
        for kernel in value.view(-1, *shape[-2:]):
            torch.nn.init.orthogonal_(kernel, gain)
    return value.requires_grad_()


def trunk(sizes, members=None):
    """Layers (kernel, bias, scale, shift); with `members`, an ensemble's, each [N, ...]."""
    lead = () if members is None else (members,)
    row = () if members is None else (1,)
    return [(parameter(*lead, i, o), parameter(*lead, *row, o), torch.ones(*lead, *row, o, requires_grad=True), parameter(*lead, *row, o))
            for i, o in zip(sizes, sizes[1:])]


def normed(z, scale, shift):
    return F.relu(torch.addcmul(shift, F.layer_norm(z, z.shape[-1:], eps=EPSILON), scale))


class Critic:
    """N critics with one shared output layer; `params` may be replaced by a target's, or by detached ones."""

    def __init__(self, obs, action, hidden, members):
        self.obs, self.layers = obs, trunk([obs + action, *hidden], members)
        self.head = (parameter(hidden[-1], 1), parameter(1))
        self.params = [p for layer in self.layers for p in layer] + list(self.head)

    def q(self, params, obs, action, members=None):
        """obs [B,O], action [B,A] or [B,k,A] -> [N,B] or [N,B,k]; with `members` [M] for those alone."""
        *flat, head, head_bias = params
        if members is not None:
            flat = [p[members] for p in flat]
        layers = [flat[i:i + 4] for i in range(0, len(flat), 4)]
        kernel, bias, scale, shift = layers[0]
        n, width = kernel.shape[0], kernel.shape[2]
        if action.dim() == 2:
            x = torch.cat([obs, action], 1).expand(n, -1, -1)
            h = normed(torch.baddbmm(bias, x, kernel), scale, shift)
        else:  # several actions of one state share the observation's products
            b, k, a = action.shape
            of_obs = torch.baddbmm(bias, obs.expand(n, -1, -1), kernel[:, :self.obs])
            of_action = torch.bmm(action.reshape(1, b * k, a).expand(n, -1, -1), kernel[:, self.obs:])
            h = normed((of_action.view(n, b, k, width) + of_obs[:, :, None]).view(n, b * k, width), scale, shift)
        for kernel, bias, scale, shift in layers[1:]:
            h = normed(torch.baddbmm(bias, h, kernel), scale, shift)
        return (h @ head + head_bias).view(n, *action.shape[:-1])


class Actor:
    def __init__(self, obs, action, hidden, exp_head):
        self.layers = trunk([obs, *hidden])
        self.mean = (parameter(hidden[-1], action), parameter(action))
        self.log_std = (parameter(hidden[-1], action), parameter(action)) if exp_head else (parameter(action),)
        self.params = [p for layer in self.layers for p in layer] + [*self.mean, *self.log_std]

    def heads(self, obs):
        h = obs
        for kernel, bias, scale, shift in self.layers:
            h = normed(torch.addmm(bias, h, kernel), scale, shift)
        mean = torch.addmm(self.mean[1], h, self.mean[0])
        log_std = torch.addmm(self.log_std[1], h, self.log_std[0]) if len(self.log_std) == 2 else self.log_std[0].expand_as(mean)
        return mean, log_std.exp().clamp(1e-5, 10)

    @staticmethod
    def sample(heads, n=None):
        """n actions per state, [B,n,A] and their log densities [B,n]; without n [B,A] and [B]."""
        mean, std = heads if n is None else (h[:, None] for h in heads)
        shape = mean.shape if n is None else (mean.shape[0], n, mean.shape[2])
        noise = torch.randn(shape)
        u = mean + std * noise
        log_prob = -0.5 * noise**2 - std.log() - 0.5 * math.log(2 * math.pi) - 2 * (math.log(2) - u - F.softplus(-2 * u))
        return torch.tanh(u), log_prob.sum(-1)


class Learner:
    def __init__(self, case, compiled):
        self.case, self.set = case, case["settings"]
        self.cql = case["agent"] in ("cql", "calql")
        self.critic = Critic(case["obs"], case["action"], case["critic_hidden"], case["members"])
        self.actor = Actor(case["obs"], case["action"], case["actor_hidden"], case["std_head"] == "exp")
        self.target = [p.detach().clone() for p in self.critic.params]
        raw = lambda value: torch.tensor(math.log(math.expm1(value)), requires_grad=True)
        self.temperature, self.alpha = raw(self.set["agent.initial_temperature"]), raw(self.set.get("cql.initial_alpha", 1.0))
        self.tuned = bool(self.set.get("cql.autotune_alpha"))
        adam = lambda params, key: torch.optim.Adam(params, lr=self.set[key], eps=1e-8, fused=True)
        self.critic_adam = adam(self.critic.params, "agent.critic_lr")
        self.actor_adams = [adam(self.actor.params, "agent.actor_lr"), adam([self.temperature], "agent.temperature_lr")]
        if self.tuned:
            self.actor_adams.append(adam([self.alpha], "cql.alpha_lr"))
        backup = self.set["cql.max_target_backup"] if self.cql else self.set["agent.max_target_backup"]
        self.next_actions = self.set["cql.actions" if self.cql else "agent.backup_actions"] if backup else None
        wrap = (lambda f: torch.compile(f, dynamic=False)) if compiled else (lambda f: f)
        self.critic_loss, self.actor_loss = wrap(self.critic_loss), wrap(self.actor_loss)

    def subset(self):
        return torch.randint(self.case["members"], (self.set["agent.num_min_qs"],))

    def critic_loss(self, batch, target_members, term_members):
        with torch.no_grad():
            at_next = self.actor.heads(batch["next_obs"])
            action, _ = self.actor.sample(at_next, self.next_actions)
            q = self.critic.q(self.target, batch["next_obs"], action, target_members).amin(0)
            best = q if self.next_actions is None else q.amax(1)
            y = batch["reward"] + self.set["agent.discount"] * batch["mask"] * best
        q = self.critic.q(self.critic.params, batch["obs"], batch["action"])
        loss = (q - y).square().mean()
        if not self.cql:
            return loss
        gap = self.cql_gap(batch, at_next, q[term_members], term_members)
        if not self.tuned:
            return loss + self.set["cql.alpha"] * gap
        # one sum, two gradients: the critics descend on alpha * gap, alpha climbs on what is left of the gap
        alpha = F.softplus(self.alpha)
        return loss + alpha.detach() * gap - alpha * (gap.detach() - self.set["cql.target_gap"])

    def cql_gap(self, batch, at_next, q_data, members):
        n, t = self.set["cql.actions"], self.set["cql.temperature"]
        with torch.no_grad():
            b, a = batch["action"].shape
            here, next_ = self.actor.sample(self.actor.heads(batch["obs"]), n), self.actor.sample(at_next, n)
            action = torch.cat([2 * torch.rand(b, n, a) - 1, here[0], next_[0]], 1)
            log_density = torch.cat([torch.full((b, n), a * math.log(0.5)), here[1], next_[1]], 1)
        q = self.critic.q(self.critic.params, batch["obs"], action, members)
        if self.case["agent"] == "calql":
            q = torch.cat([q[..., :n], torch.maximum(q[..., n:], batch["mc_return"][:, None])], 2)
        if self.set["cql.importance_sampling"]:
            ood = t * torch.logsumexp((q - log_density) / t, 2)
        else:
            ood = t * torch.logsumexp(torch.cat([q, q_data[..., None]], 2) / t, 2) - t * math.log(3 * n + 1)
        return (ood - q_data).mean()

    def actor_loss(self, batch):
        temperature = F.softplus(self.temperature)
        action, log_prob = self.actor.sample(self.actor.heads(batch["obs"]))
        frozen = [p.detach() for p in self.critic.params]
        q = self.critic.q(frozen, batch["obs"], action).amin(0)
        with torch.no_grad():
            _, next_log_prob = self.actor.sample(self.actor.heads(batch["next_obs"]), self.next_actions)
        entropy = -next_log_prob.mean()
        return (temperature.detach() * log_prob - q).mean() + temperature * (entropy + self.case["action"])

    def step(self, batch):
        """Losses at the old parameters, then all move; at higher update ratios a network that is not asked makes an idle Adam step."""
        if self.case["utd"] == 1:
            (self.critic_loss(batch, self.subset(), self.subset()) + self.actor_loss(batch)).backward()
            return self.move(True, True)
        rows = self.case["batch"]
        for first in range(0, rows * self.case["utd"], rows):
            part = {key: value[first:first + rows] for key, value in batch.items()}
            self.critic_loss(part, self.subset(), None).backward()
            self.move(True, False)
        self.actor_loss(batch).backward()
        self.move(False, True)

    def move(self, critic, actor):
        idle = self.set["agent.idle_adam_steps"]
        for adam in ([self.critic_adam] if critic or idle else []) + (self.actor_adams if actor or idle else []):
            adam.step()
            adam.zero_grad(set_to_none=not idle)  # a zero gradient is the next idle step
        if critic:
            torch._foreach_lerp_(self.target, [p.detach() for p in self.critic.params], self.set["agent.tau"])


def synthetic(case):
    rows = case["batch"] * case["utd"]
    return {"obs": torch.randn(rows, case["obs"]), "next_obs": torch.randn(rows, case["obs"]),
            "action": torch.randn(rows, case["action"]).clamp(-0.99999, 0.99999), "reward": torch.randn(rows),
            "mask": torch.ones(rows), "mc_return": torch.randn(rows)}


def main(mode, name):
    if mode not in ("eager", "compiled"):
        raise SystemExit(f"error: no mode {mode} (command line): eager or compiled")
    torch.manual_seed(0)
    case = case_named(name)
    began = time.perf_counter()
    learner, batch = Learner(case, mode == "compiled"), synthetic(case)
    for _ in range(3):
        learner.step(batch)
    print(json.dumps({"peer": "torch " + mode, "version": "torch " + torch.__version__, "start_s": time.perf_counter() - began}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        learner.step(batch)
        print(json.dumps({"ms": 1e3 * (time.perf_counter() - began)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
