// Films a task from the command line: what `render` and `eval --video` share.
#pragma once
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "warmstart/envs/render.h"
#include "warmstart/io/film.h"

namespace warmstart {

struct FilmOptions {
  std::string out, camera;
  int width = 480, height = 480;
  double fps = 25;
};

/// --width, --height, --camera and --fps. `o` must live until the callback.
void add_film_options(CLI::App& verb, FilmOptions& o);

/// Throws Error(kUsage) for a plug-in, which has no pictures, before an environment of it is made.
void check_can_be_drawn(const EnvConfig& world);

/// Films one environment: a picture for every state that is due, so that the film runs in simulated time.
class Camera {
 public:
  /// Throws Error as Renderer and make_film do.
  Camera(const Env& env, const FilmOptions& o);
  /// Call it once in every state. Throws Error(kInterrupted) when a stop was asked for.
  void look();
  /// Completes the film with the state as it is, and says what there is: "x.gif: 51 pictures of 480 x 480".
  std::string finish();

 private:
  void shoot();

  std::string out_;
  Renderer renderer_;
  int stride_;  ///< control steps per picture
  std::unique_ptr<FilmWriter> film_;
  int states_ = 0, pictures_ = 0;
};

}  // namespace warmstart
