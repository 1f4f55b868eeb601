// Pictures in files: a folder of PNG files, an animated GIF, or an MP4 through ffmpeg.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace warmstart {

/// Takes pictures of one size, RGB with rows from the top, [height * width * 3], and leaves a film. `finish` completes the file;
/// a writer that goes away without it leaves no half-written film, and an older one as it was. Every member throws Error(kMachine) naming
/// the file when it cannot be written.
class FilmWriter {
 public:
  virtual ~FilmWriter() = default;
  virtual void add(std::span<const std::uint8_t> rgb) = 0;
  virtual void finish() = 0;
};

/// By the name of `out`: "x.gif"; "x.mp4", which needs the program ffmpeg; anything without an extension is a folder that gets
/// frame_00000.png and so on. `seconds` is how long each picture is shown; GIF rounds it to hundredths.
/// Throws Error(kUsage) for other names and odd sizes of an MP4, Error(kMachine) without ffmpeg.
std::unique_ptr<FilmWriter> make_film(const std::filesystem::path& out, int width, int height, double seconds);

/// One picture as a PNG file.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const std::uint8_t> rgb);

}  // namespace warmstart
