// The world of peg insertion, built on gym-hil's panda.xml with MuJoCo's model editor.
#include <array>
#include <cmath>

#include "warmstart/core/error.h"
#include "warmstart/envs/peg_insertion.h"

namespace warmstart {
namespace {

using SpecPtr = std::unique_ptr<mjSpec, void (*)(mjSpec*)>;

constexpr double kGrip = 0.62;        // rad of the gripper's linkage: its pads then touch the peg
constexpr double kPegTop = 0.135;     // m below the gripper's foot
constexpr double kWall = 0.015;       // thickness of the socket's walls, m
constexpr double kPegDensity = 2700;  // kg/m^3, aluminium

template <typename As, typename Change>
void for_each(mjSpec* spec, mjtObj type, As as, Change change) {
  for (mjsElement* e = mjs_firstElement(spec, type); e;) {
    mjsElement* next = mjs_nextElement(spec, e);
    change(as(e));
    e = next;
  }
}

void remove_all(mjSpec* spec, mjtObj type) {
  for_each(
      spec, type, [](mjsElement* e) { return e; }, [](mjsElement* e) { mjs_delete(e); });
}

mjsBody* body(mjSpec* spec, const char* name) {
  mjsBody* found = mjs_findBody(spec, name);
  if (!found)
    throw machine_error("the arm has no body \"" + std::string(name) + "\"", "gym_hil/assets/panda.xml", "install gym-hil 0.1.14");
  return found;
}

// Meshes are for the eye alone, and compiling them takes seconds. One part owes its mass to them: its numbers are kept.
void remove_meshes(mjSpec* spec, bool all) {
  mjsBody* mount = body(spec, "base_mount");
  const double inertia[3] = {1.0235e-4, 5.36e-5, 5.217e-5}, along[4] = {0, 0.70610, 0, 0.70811};
  mount->explicitinertial = 1;
  mount->mass = 0.15;
  mju_zero3(mount->ipos);
  mju_copy3(mount->inertia, inertia);
  mju_copy4(mount->iquat, along);
  constexpr int kCollisionGroup = 3;
  for_each(spec, mjOBJ_GEOM, mjs_asGeom, [all](mjsGeom* geom) {
    if (geom->type == mjGEOM_MESH && (all || geom->group == kCollisionGroup)) mjs_delete(geom->element);
  });
  if (all) remove_all(spec, mjOBJ_MESH);
}

// Turns a body about its joint by `angle` for good and takes the joint away.
void weld(mjSpec* spec, const std::string& name, double angle) {
  mjsBody* b = body(spec, name.c_str());
  mjsElement* e = mjs_firstChild(b, mjOBJ_JOINT, 0);
  const mjsJoint* joint = mjs_asJoint(e);
  double turn[4], turned[4], before[3], after[3];
  mju_axisAngle2Quat(turn, joint->axis, angle);
  mju_normalize4(b->quat);
  mju_mulQuat(turned, b->quat, turn);
  mju_rotVecQuat(before, joint->pos, b->quat);
  mju_rotVecQuat(after, joint->pos, turned);
  for (int i = 0; i < 3; ++i) b->pos[i] += before[i] - after[i];
  mju_copy4(b->quat, turned);
  mjs_delete(e);
}

// The gripper holds the peg, always: a rigid hand steps five times faster and cannot drop it.
void close_gripper(mjSpec* spec) {
  for (const mjtObj type : {mjOBJ_EQUALITY, mjOBJ_TENDON, mjOBJ_SENSOR}) remove_all(spec, type);
  mjs_delete(mjs_findElement(spec, mjOBJ_ACTUATOR, "fingers_actuator"));
  for (const std::string side : {"right_", "left_"})
    for (const auto& [part, angle] :
         {std::pair{"driver", kGrip}, std::pair{"coupler", 0.0}, std::pair{"spring_link", kGrip}, std::pair{"follower", -kGrip}})
      weld(spec, side + part, angle);
}

// Stiff, and critically damped over two simulator steps: a push of 30 N goes 0.02 mm deep.
void add_box(mjsBody* to, const std::array<double, 3>& at, const std::array<double, 3>& half, const std::array<float, 3>& colour) {
  mjsGeom* geom = mjs_addGeom(to, nullptr);
  geom->type = mjGEOM_BOX;
  for (int i = 0; i < 3; ++i) geom->pos[i] = at[i], geom->size[i] = half[i], geom->rgba[i] = colour[i];
  geom->density = kPegDensity;
  geom->friction[0] = 0.3;  // dry metal on plastic
  geom->solref[0] = 0.004, geom->solref[1] = 1;
  geom->solimp[0] = 0.99, geom->solimp[1] = 0.999, geom->solimp[2] = 0.001;
  geom->condim = 4;
}

void add_sensor(mjSpec* spec, mjtSensor type) {
  mjsSensor* sensor = mjs_addSensor(spec);
  sensor->type = type;
  sensor->objtype = mjOBJ_SITE;
  mjs_setString(sensor->objname, "attachment_site");
}

void add_peg(mjSpec* spec) {
  mjsBody* peg = mjs_addBody(body(spec, "base"), nullptr);
  mjs_setString(peg->name, "peg");
  peg->pos[2] = kPegTop;
  const double half = PegWorld::kPegHalfWidth;
  add_box(peg, {0, 0, PegWorld::kPegLength / 2}, {half, half, PegWorld::kPegLength / 2}, {0.85f, 0.45f, 0.1f});
  mjsSite* tip = mjs_addSite(peg, nullptr);
  mjs_setString(tip->name, "tip");
  tip->pos[2] = PegWorld::kPegLength;
  tip->group = 4;
}

// Four walls; the floor is the bottom of the hole.
void add_socket(mjSpec* spec, double clearance) {
  mjsBody* world = body(spec, "world");
  mjsBody* socket = mjs_addBody(world, nullptr);
  mjs_setString(socket->name, "socket");
  socket->pos[0] = PegWorld::kSocketX;
  const double hole = PegWorld::kPegHalfWidth + clearance, up = PegWorld::kDepth / 2, middle = hole + kWall / 2;
  for (const double side : {-1.0, 1.0}) {
    add_box(socket, {side * middle, 0, up}, {kWall / 2, hole + kWall, up}, {0.2f, 0.35f, 0.55f});
    add_box(socket, {0, side * middle, up}, {hole, kWall / 2, up}, {0.25f, 0.42f, 0.65f});
  }
  add_box(world, {PegWorld::kSocketX, 0, -0.02}, {0.3, 0.3, 0.02}, {0.75f, 0.75f, 0.72f});  // the table under it
}

void add_view(mjSpec* spec) {
  mjsLight* light = mjs_addLight(body(spec, "world"), nullptr);
  const double at[3] = {0.9, -0.6, 1.5}, towards[3] = {-0.4, 0.6, -1.5};
  mju_copy3(light->pos, at);
  mju_copy3(light->dir, towards);
  for (int i = 0; i < 3; ++i) light->diffuse[i] = 0.7f, light->specular[i] = 0.2f;
  mjsTexture* sky = mjs_addTexture(spec);
  mjs_setString(sky->name, "sky");
  sky->type = mjTEXTURE_SKYBOX;
  sky->builtin = mjBUILTIN_GRADIENT;
  sky->width = 32, sky->height = 192;
  const double above[3] = {0.75, 0.82, 0.9}, below[3] = {0.35, 0.4, 0.5};
  mju_copy3(sky->rgb1, above);
  mju_copy3(sky->rgb2, below);
}

}  // namespace

ModelPtr peg_model(double clearance, bool meshes) {
  const auto path = find_asset("gym_hil/assets/panda.xml");
  char message[1000] = "";
  const SpecPtr spec(mj_parseXML(path.c_str(), nullptr, message, sizeof message), mj_deleteSpec);
  if (!spec) throw machine_error(message, path.string(), "install gym-hil 0.1.14");
  remove_meshes(spec.get(), !meshes);
  // the workspace keeps everything but the peg away from socket and table
  for_each(spec.get(), mjOBJ_GEOM, mjs_asGeom, [](mjsGeom* geom) { geom->contype = geom->conaffinity = 0; });
  close_gripper(spec.get());
  add_peg(spec.get());
  add_socket(spec.get(), clearance);
  if (meshes) add_view(spec.get());
  add_sensor(spec.get(), mjSENS_FORCE);
  add_sensor(spec.get(), mjSENS_TORQUE);
  for_each(spec.get(), mjOBJ_BODY, mjs_asBody, [](mjsBody* b) { b->gravcomp = 1; });  // as the Franka does by itself
  spec->option.timestep = 0.002;
  spec->option.integrator = mjINT_IMPLICITFAST;
  spec->option.cone = mjCONE_ELLIPTIC;
  ModelPtr model(mj_compile(spec.get(), nullptr));
  if (!model) throw machine_error(mjs_getError(spec.get()), path.string(), "install gym-hil 0.1.14");
  return model;
}

}  // namespace warmstart
