#include "warmstart/io/film.h"

#include <fmt/format.h>
#include <gif_lib.h>
#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "warmstart/core/error.h"
#include "warmstart/core/files.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

class PngFolder : public FilmWriter {
 public:
  PngFolder(fs::path folder, int width, int height) : folder_(std::move(folder)), width_(width), height_(height) { make_folder(folder_); }
  void add(std::span<const std::uint8_t> rgb) override {
    write_png(folder_ / fmt::format("frame_{:05}.png", count_++), width_, height_, rgb);
  }
  void finish() override {}

 private:
  fs::path folder_;
  int width_, height_, count_ = 0;
};

/// Every picture has a palette of its own. The file is written as a whole at the end.
class GifFilm : public FilmWriter {
 public:
  GifFilm(fs::path path, int width, int height, double seconds)
      : path_(std::move(path)), width_(width), height_(height), hundredths_(std::max(1, static_cast<int>(std::lround(100 * seconds)))) {
    if (!path_.parent_path().empty()) make_folder(path_.parent_path());
    int code = 0;
    gif_ = EGifOpen(
        this,
        [](GifFileType* gif, const GifByteType* bytes, int n) {
          auto& all = static_cast<GifFilm*>(gif->UserData)->bytes_;
          all.insert(all.end(), bytes, bytes + n);
          return n;
        },
        &code);
    if (!gif_) throw failed(code);
    EGifSetGifVersion(gif_, true);
    check(EGifPutScreenDesc(gif_, width, height, 8, 0, nullptr));
    const unsigned char forever[] = {1, 0, 0};  // loop count 0
    check(EGifPutExtensionLeader(gif_, APPLICATION_EXT_FUNC_CODE));
    check(EGifPutExtensionBlock(gif_, 11, "NETSCAPE2.0"));
    check(EGifPutExtensionBlock(gif_, sizeof forever, forever));
    check(EGifPutExtensionTrailer(gif_));
  }
  ~GifFilm() override {
    int code;
    if (gif_) EGifCloseFile(gif_, &code);
  }

  void add(std::span<const std::uint8_t> rgb) override {
    const std::size_t n = static_cast<std::size_t>(width_) * height_;
    assert(rgb.size() == 3 * n);
    std::vector<GifByteType> planes[3], index(n);
    for (int c = 0; c < 3; ++c) {
      planes[c].resize(n);
      for (std::size_t i = 0; i < n; ++i) planes[c][i] = rgb[3 * i + c];
    }
    int colours = 256;
    ColorMapObject* map = GifMakeMapObject(colours, nullptr);
    const bool fits = map && GifQuantizeBuffer(width_, height_, &colours, planes[0].data(), planes[1].data(), planes[2].data(),
                                               index.data(), map->Colors) == GIF_OK;
    const unsigned char timing[] = {0, static_cast<unsigned char>(hundredths_ & 255), static_cast<unsigned char>(hundredths_ >> 8 & 255),
                                    0};
    const bool written = fits && EGifPutExtension(gif_, GRAPHICS_EXT_FUNC_CODE, sizeof timing, timing) == GIF_OK &&
                         EGifPutImageDesc(gif_, 0, 0, width_, height_, false, map) == GIF_OK;
    GifFreeMapObject(map);
    check(written ? GIF_OK : GIF_ERROR);
    for (int y = 0; y < height_; ++y) check(EGifPutLine(gif_, &index[static_cast<std::size_t>(y) * width_], width_));
  }

  void finish() override {
    int code = 0;
    const bool closed = EGifCloseFile(std::exchange(gif_, nullptr), &code) == GIF_OK;
    if (!closed) throw failed(code);
    write_atomically(path_, bytes_);
  }

 private:
  Error failed(int code) const {
    const char* text = GifErrorString(code);
    return machine_error(fmt::format("cannot make the GIF: {}", text ? text : "out of memory"), path_.string(),
                         "draw fewer or smaller pictures");
  }
  void check(int result) const {
    if (result != GIF_OK) throw failed(gif_->Error);
  }

  fs::path path_;
  int width_, height_, hundredths_;
  GifFileType* gif_ = nullptr;
  std::vector<std::uint8_t> bytes_;
};

/// ffmpeg does the work; pictures go to it through a pipe.
class Mp4Film : public FilmWriter {
 public:
  Mp4Film(fs::path path, int width, int height, double seconds)
      : path_(std::move(path)),
        temporary_(path_.parent_path() / fmt::format("{}.tmp{}.mp4", path_.stem().string(), ::getpid())) {  // ffmpeg goes by the ending
    if (width % 2 || height % 2) throw usage_error(fmt::format("an MP4 of {} x {}", width, height), path_.string(), "give even sizes");
    if (std::system("command -v ffmpeg >/dev/null 2>&1") != 0)
      throw machine_error("MP4 needs the program ffmpeg", path_.string(), "apt-get install ffmpeg, or give a name that ends with .gif");
    if (!path_.parent_path().empty()) make_folder(path_.parent_path());
    std::signal(SIGPIPE, SIG_IGN);  // an ffmpeg that dies shows as a failed write
    pipe_ = popen(fmt::format("ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s {}x{} -r {:.6g} -i - -pix_fmt yuv420p {}", width, height,
                              1 / seconds, shell_word(fs::absolute(temporary_).string()))
                      .c_str(),
                  "w");
    if (!pipe_) throw failed();
  }
  ~Mp4Film() override {
    if (pipe_) pclose(pipe_);
    std::error_code none;
    fs::remove(temporary_, none);
  }
  void add(std::span<const std::uint8_t> rgb) override {
    if (std::fwrite(rgb.data(), 1, rgb.size(), pipe_) != rgb.size()) throw failed();
  }
  void finish() override {
    if (pclose(std::exchange(pipe_, nullptr)) != 0) throw failed();
    std::error_code error;
    fs::rename(temporary_, path_, error);
    if (error) throw machine_error("cannot write: " + error.message(), path_.string(), "choose a place you may write to with --out");
  }

 private:
  Error failed() const {
    return machine_error("ffmpeg failed", path_.string(), "see its message above, or give a name that ends with .gif");
  }
  fs::path path_, temporary_;
  FILE* pipe_ = nullptr;
};

}  // namespace

std::unique_ptr<FilmWriter> make_film(const fs::path& out, int width, int height, double seconds) {
  const std::string kind = out.extension().string();
  if (kind == ".gif") return std::make_unique<GifFilm>(out, width, height, seconds);
  if (kind == ".mp4") return std::make_unique<Mp4Film>(out, width, height, seconds);
  if (kind.empty()) return std::make_unique<PngFolder>(out, width, height);
  throw usage_error("no film of the kind \"" + kind + "\"", out.string(), "end the name with .gif or .mp4, or give a folder for PNG files");
}

void write_png(const fs::path& path, int width, int height, std::span<const std::uint8_t> rgb) {
  assert(rgb.size() == std::size_t{3} * width * height);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width, image.height = height, image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  std::vector<std::uint8_t> bytes;
  bool done = png_image_write_get_memory_size(image, size, 0, rgb.data(), 0, nullptr);
  bytes.resize(size);
  done = done && png_image_write_to_memory(&image, bytes.data(), &size, 0, rgb.data(), 0, nullptr);
  if (!done) throw machine_error(fmt::format("cannot make the PNG: {}", image.message), path.string(), "draw smaller pictures");
  bytes.resize(size);
  write_atomically(path, bytes);
}

}  // namespace warmstart
