"""Peg insertion: a second implementation, on MuJoCo's Python bindings and gym-hil's own operational-space controller.

The task is Warmstart's, so there is no original to record. What is checked: the controller against gym-hil's `opspace`, and the model,
the action's meaning, the observation, the rewards and the ends against the words of warmstart/envs/peg_insertion.h, written down here
with numpy. Imported by record_envs.py.
"""

import importlib.util
import pathlib

import gymnasium
import mujoco
import numpy as np

NAME = "FrankaPegInsertion-v0"
HOME = np.array([0, -0.785, 0, -2.35, 0, 1.57, 0.785])
SOCKET, DEPTH, HALF, LENGTH, CLEARANCE, WALL = np.array([0.5, 0.0, 0.0]), 0.04, 0.01, 0.09, 0.001, 0.015
SEATED = np.diag([1.0, -1.0, -1.0])  # the peg points down
GRIP = 0.62


def package_folder():
    return pathlib.Path(importlib.util.find_spec("gymnasium").origin).parent.parent / "gym_hil"


def controller():
    """gym-hil's function alone: importing the package would start its devices."""
    spec = importlib.util.spec_from_file_location("opspace", package_folder() / "controllers" / "opspace.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.opspace


def rotation(vector):
    """Matrix of a rotation vector (Rodrigues)."""
    angle = np.linalg.norm(vector)
    if angle == 0:
        return np.eye(3)
    x, y, z = np.asarray(vector) / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def rotation_vector(matrix):
    sine = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2
    norm = np.linalg.norm(sine)
    return np.zeros(3) if norm == 0 else sine / norm * np.arctan2(norm, (np.trace(matrix) - 1) / 2)


def quaternion(matrix):
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, matrix.flatten())
    return quat if quat[1] >= 0 else -quat


def box(body, pos, half):
    geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=half, density=2700, condim=4)
    geom.friction[0] = 0.3
    geom.solref[:2] = [0.004, 1]
    geom.solimp[:3] = [0.99, 0.999, 0.001]


def make_model():
    spec = mujoco.MjSpec.from_file(str(package_folder() / "assets" / "panda.xml"))
    for geom in list(spec.geoms):
        geom.contype = geom.conaffinity = 0
        if geom.type == mujoco.mjtGeom.mjGEOM_MESH:
            geom.delete()
    for item in [*spec.meshes, *spec.equalities, *spec.tendons, *spec.sensors]:
        item.delete()
    next(a for a in spec.actuators if a.name == "fingers_actuator").delete()
    mount = spec.body("base_mount")
    mount.explicitinertial, mount.mass, mount.ipos = True, 0.15, [0, 0, 0]
    mount.inertia, mount.iquat = [1.0235e-4, 5.36e-5, 5.217e-5], [0, 0.70610, 0, 0.70811]
    for part, angle in (("driver", GRIP), ("coupler", 0.0), ("spring_link", GRIP), ("follower", -GRIP)):
        for side in ("right", "left"):
            body = spec.body(f"{side}_{part}")
            joint = body.joints[0]
            frame = np.zeros(9)
            quat = body.quat / np.linalg.norm(body.quat)
            mujoco.mju_quat2Mat(frame, quat)
            before = frame.reshape(3, 3)
            after = before @ rotation(angle * np.array(joint.axis))
            body.pos = body.pos + before @ joint.pos - after @ joint.pos
            turned = np.zeros(4)
            mujoco.mju_mat2Quat(turned, after.flatten())
            body.quat = turned
            joint.delete()
    peg = spec.body("base").add_body(name="peg", pos=[0, 0, 0.135])
    box(peg, [0, 0, LENGTH / 2], [HALF, HALF, LENGTH / 2])
    peg.add_site(name="tip", pos=[0, 0, LENGTH])
    socket = spec.worldbody.add_body(name="socket", pos=SOCKET)
    hole = HALF + CLEARANCE
    for side in (-1, 1):
        box(socket, [side * (hole + WALL / 2), 0, DEPTH / 2], [WALL / 2, hole + WALL, DEPTH / 2])
        box(socket, [0, side * (hole + WALL / 2), DEPTH / 2], [hole, WALL / 2, DEPTH / 2])
    box(spec.worldbody, SOCKET + [0, 0, -0.02], [0.3, 0.3, 0.02])
    for kind in (mujoco.mjtSensor.mjSENS_FORCE, mujoco.mjtSensor.mjSENS_TORQUE):
        spec.add_sensor(type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="attachment_site")
    for body in spec.bodies:
        body.gravcomp = 1
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    return spec.compile()


class Peg(gymnasium.Env):
    def __init__(self):
        self.model, self.opspace = make_model(), controller()
        self.data = mujoco.MjData(self.model)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (6,))
        self.tip = self.model.site("tip").id
        self.hand = self.model.body("attachment").id

    def pose(self):
        return self.data.site_xpos[self.tip].copy(), self.data.site_xmat[self.tip].reshape(3, 3).copy()

    def set_state(self, qpos, qvel):
        self.data.qpos[:], self.data.qvel[:] = qpos, qvel
        mujoco.mj_forward(self.model, self.data)

    def observation(self):
        d = self.data
        position, frame = self.pose()
        jac = np.zeros((6, self.model.nv))
        mujoco.mj_jacSite(self.model, d, jac[:3], jac[3:], self.tip)
        velocity = jac @ d.qvel
        wrist = d.site("attachment_site")
        sensed = [wrist.xmat.reshape(3, 3) @ d.sensordata[i : i + 3] for i in (0, 3)]
        weight = self.model.body_subtreemass[self.hand] * self.model.opt.gravity
        moment = np.cross(d.subtree_com[self.hand] - wrist.xpos, weight)
        away = position - SOCKET
        turn = rotation_vector(frame @ SEATED.T)
        force, torque = -sensed[0] - weight, -sensed[1] - moment
        return np.concatenate(
            [position, quaternion(frame), 10 * velocity[:3], velocity[3:], force / 10, torque, 100 * away, turn]
        )

    def step(self, action):
        m, d = self.model, self.data
        action = np.clip(action, -1, 1)
        position, frame = self.pose()
        goal = np.clip(position + 0.02 * action[:3], SOCKET + [-0.08, -0.08, -0.01], SOCKET + [0.08, 0.08, DEPTH + 0.12])
        turn = rotation_vector(rotation(0.1 * action[3:]) @ frame @ SEATED.T)
        quat = quaternion(rotation(np.clip(turn, [-0.3, -0.3, -0.75], [0.3, 0.3, 0.75])) @ SEATED)
        for _ in range(50):
            torque = self.opspace(
                m, d, self.tip, np.arange(7), pos=goal, ori=quat, joint=HOME, pos_gains=(300,) * 3, ori_gains=(300,) * 3,
                nullspace_stiffness=10, gravity_comp=False,
            )
            d.ctrl[:] = torque + d.qfrc_bias - d.qfrc_passive
            mujoco.mj_step2(m, d)
            mujoco.mj_step1(m, d)
        away = self.pose()[0] - SOCKET
        seated = bool(DEPTH - away[2] >= 0.037 and np.all(np.abs(away[:2]) <= CLEARANCE + 0.001))
        return self.observation(), float(seated), seated, False, {}


def start(offset, height, turn, qvel=0.0):
    """Joint angles with the tip `height` above the rim, `offset` from the axis, turned by `turn` rad."""
    env = Peg()
    m, d = env.model, env.data
    d.qpos[:] = HOME
    for _ in range(200):
        mujoco.mj_kinematics(m, d)
        mujoco.mj_comPos(m, d)
        position, frame = env.pose()
        error = np.concatenate(
            [SOCKET + [*offset, DEPTH + height] - position, rotation_vector(rotation([0, 0, turn]) @ SEATED @ frame.T)]
        )
        jac = np.zeros((6, m.nv))
        mujoco.mj_jacSite(m, d, jac[:3], jac[3:], env.tip)
        d.qpos[:] += np.linalg.pinv(jac) @ error
    return d.qpos.copy(), np.full(m.nv, qvel)


def insert(obs, _):
    """Above the hole, then down."""
    away, turn = obs[19:22], obs[22:25]
    near = np.hypot(away[0], away[1]) < 0.05 and np.linalg.norm(turn) < 0.02
    target = -1 if near else 4.5
    return np.concatenate([-away[:2] / 2, [np.clip((target - away[2]) / 2, -0.6, 0.6)], -turn / 0.1])


def press(obs, t):
    """Down on the rim, then along it."""
    return np.array([0.15 * np.sin(t / 3), 0.1, -0.5, 0.1 * np.cos(t / 2), 0, 0.2 * np.sin(t / 5)])


def wander(obs, t):
    rng = np.random.default_rng(100 + t)
    return rng.uniform(-1.4, 1.4, 6)


def play(pack, qpos, qvel, acts, steps, time_limit=0):
    env = Peg()
    env.set_state(qpos, qvel)
    obs = obs0 = env.observation()
    rows = {"actions": [], "obs": [], "reward": [], "terminated": [], "truncated": []}
    for t in range(time_limit or steps):
        action = np.asarray(acts(obs, t), dtype=float)
        obs, reward, terminated, _, _ = env.step(action)
        for key, value in zip(rows, (action, obs, reward, terminated, time_limit == t + 1)):
            rows[key].append(value)
        if terminated:
            break
    return {
        "qpos": qpos.tolist(), "qvel": qvel.tolist(), "goal": [], "time_limit": time_limit, "obs0": pack(obs0, "<f8"),
        **{key: pack(value, "u1" if key in ("terminated", "truncated") else "<f8") for key, value in rows.items()},
    }  # fmt: skip


def transcript(pack):
    segments = [
        play(pack, *start((0.05, -0.03), 0.05, 0.5), wander, 7, time_limit=7),
        play(pack, *start((0.02, 0.03), 0.05, -0.4), insert, 60),
        play(pack, *start((0.012, 0.004), 0.01, 0.1), press, 90),
        play(pack, *start((-0.04, 0.01), 0.05, -0.2, qvel=0.3), wander, 95),
    ]
    return {"env": NAME, "versions": {"gym_hil": "0.1.14", "mujoco": mujoco.__version__}, "segments": segments}
