#include "warmstart/envs/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"
#include "warmstart/envs/gl_context.h"
#include "warmstart/envs/mujoco_env.h"

namespace warmstart {
namespace {

constexpr int kMaxGeoms = 5000, kMinSize = 16, kMaxSize = 4096;

/// Where to look from when nobody says; tasks that are not listed have a camera "track" or MuJoCo's own free view.
struct View {
  const char* prefix;  ///< of the id
  double azimuth, elevation;
  double distance;  ///< m; 0 = from the size of the scene
  double center[3];
};
const View kViews[] = {
    {"PointMaze_", 90, -89.9, 0, {0, 0, 0}},
    {"FrankaKitchen", 70, -35, 2.2, {-0.2, 0.5, 2}},  // as gymnasium-robotics looks at it
    {"kitchen-", 70, -35, 2.2, {-0.2, 0.5, 2}},
    {"FrankaPegInsertion", 130, -20, 0.9, {0.45, 0, 0.19}},
};

struct Scene : mjvScene {
  explicit Scene(const mjModel* model) { mjv_defaultScene(this), mjv_makeScene(model, this, kMaxGeoms); }
  ~Scene() { mjv_freeScene(this); }
};
struct DrawContext : mjrContext {
  explicit DrawContext(const mjModel* model) { mjr_defaultContext(this), mjr_makeContext(model, this, mjFONTSCALE_100); }
  ~DrawContext() { mjr_freeContext(this); }
};

// Without shadows and smoothing, software draws a scene of meshes six times faster.
ModelPtr sized(ModelPtr model, int width, int height) {
  model->vis.global.offwidth = width, model->vis.global.offheight = height;
  model->vis.quality.offsamples = 0, model->vis.quality.shadowsize = 0;
  return model;
}

mjvCamera choose_camera(const mjModel& model, const std::string& id, const std::string& name) {
  mjvCamera camera;
  mjv_defaultFreeCamera(&model, &camera);
  const auto fix = [&](const char* called) {
    camera.fixedcamid = mj_name2id(&model, mjOBJ_CAMERA, called);
    if (camera.fixedcamid >= 0) camera.type = mjCAMERA_FIXED;
    return camera.fixedcamid >= 0;
  };
  if (!name.empty()) {
    if (fix(name.c_str())) return camera;
    std::vector<std::string> names;
    for (int i = 0; i < model.ncam; ++i)
      if (const char* own = mj_id2name(&model, mjOBJ_CAMERA, i)) names.push_back(own);
    throw usage_error("no camera \"" + name + "\"", id, names.empty() ? "the task has none, leave it out" : "it has " + join(names));
  }
  for (const View& view : kViews) {
    if (!id.starts_with(view.prefix)) continue;
    camera.azimuth = view.azimuth, camera.elevation = view.elevation;
    if (view.distance > 0) {
      camera.distance = view.distance;
      std::memcpy(camera.lookat, view.center, sizeof view.center);
    }
    return camera;
  }
  fix("track");
  return camera;
}

}  // namespace

struct Renderer::Stage {
  const MujocoEnv& env;
  ModelPtr looks;  ///< drawn in place of the task's own model, or null
  DataPtr pose;    ///< of `looks`
  int width, height;
  mjvCamera camera;
  GlContext gl;
  ModelPtr prepared;
  DrawContext context;
  Scene scene;
  std::vector<std::uint8_t> upside_down, picture;

  Stage(const MujocoEnv& e, int w, int h, const std::string& camera_name)
      : env(e),
        looks(e.visual_model()),
        pose(looks ? mj_makeData(looks.get()) : nullptr),
        width(w),
        height(h),
        camera(choose_camera(shown(), e.spec().id, camera_name)),
        prepared(sized(ModelPtr(mj_copyModel(nullptr, &shown())), w, h)),
        context(prepared.get()),
        scene(&shown()),
        upside_down(3u * w * h),
        picture(3u * w * h) {
    scene.flags[mjRND_SHADOW] = scene.flags[mjRND_REFLECTION] = 0;
  }

  const mjModel& shown() const { return looks ? *looks : *env.model_; }

  // Positions of bodies may lag in the task; here they belong to qpos.
  mjData* posed() {
    if (!looks) return env.data_.get();
    mju_copy(pose->qpos, env.data_->qpos, looks->nq);
    mj_fwdPosition(looks.get(), pose.get());
    return pose.get();
  }

  // A maze keeps its goal beside the model, so the model's mark, or one of ours, is put there.
  void mark_goal() {
    const auto goal = env.goal();
    if (goal.size() != 2) return;
    const int own = mj_name2id(&shown(), mjOBJ_SITE, "target");
    for (int i = 0; own >= 0 && i < scene.ngeom; ++i) {
      mjvGeom& geom = scene.geoms[i];
      if (geom.objtype != mjOBJ_SITE || geom.objid != own) continue;
      for (int k = 0; k < 2; ++k) geom.pos[k] = static_cast<float>(goal[k]);
      return;
    }
    if (scene.ngeom >= scene.maxgeom) return;
    const double radius = 0.02 * shown().stat.extent, size[3] = {radius, radius, radius}, at[3] = {goal[0], goal[1], radius};
    const float colour[4] = {0.9f, 0.1f, 0.1f, 1};
    mjv_initGeom(&scene.geoms[scene.ngeom++], mjGEOM_SPHERE, size, at, nullptr, colour);
  }
};

Renderer::Renderer(const Env& env, int width, int height, const std::string& camera) {
  const auto* simulated = dynamic_cast<const MujocoEnv*>(&env);
  if (!simulated) throw usage_error("the task cannot be drawn", env.spec().id, "choose a MuJoCo task of `warmstart list envs`");
  if (std::min(width, height) < kMinSize || std::max(width, height) > kMaxSize)
    throw usage_error(fmt::format("pictures of {} x {}", width, height), env.spec().id,
                      fmt::format("give {} to {} pixels", kMinSize, kMaxSize));
  stage_ = std::make_unique<Stage>(*simulated, width, height, camera);
}

Renderer::~Renderer() = default;
int Renderer::width() const { return stage_->width; }
int Renderer::height() const { return stage_->height; }

std::span<const std::uint8_t> Renderer::draw() {
  Stage& s = *stage_;
  mjvOption option;
  mjv_defaultOption(&option);
  mjv_updateScene(&s.shown(), s.posed(), &option, nullptr, &s.camera, mjCAT_ALL, &s.scene);
  s.mark_goal();
  const mjrRect all{0, 0, s.width, s.height};
  mjr_setBuffer(mjFB_OFFSCREEN, &s.context);
  mjr_render(all, &s.scene, &s.context);
  mjr_readPixels(s.upside_down.data(), nullptr, all, &s.context);
  const std::size_t row = 3u * s.width;
  for (int y = 0; y < s.height; ++y) std::memcpy(&s.picture[y * row], &s.upside_down[(s.height - 1 - y) * row], row);
  return s.picture;
}

}  // namespace warmstart
