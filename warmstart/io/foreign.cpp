#include "warmstart/io/foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <string_view>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

struct Kind {
  std::string_view begins;
  std::size_t at;  ///< byte where it does
  const char *what, *remedy;
};

constexpr const char* kOther = "docs/formats/other.md";

constexpr Kind kKinds[] = {
    {"version https://git-lfs"sv, 0, "a pointer of Git LFS, not the file itself", "run `git lfs pull` in its repository"},
    {"\x1f\x8b"sv, 0, "compressed with gzip as a whole", "unpack it: gunzip -k FILE"},
    {"\xfd"
     "7zXZ\0"sv,
     0, "compressed with xz as a whole", "unpack it: unxz -k FILE"},
    {"BZh"sv, 0, "compressed with bzip2 as a whole", "unpack it: bunzip2 -k FILE"},
    {"\x28\xb5\x2f\xfd"sv, 0, "compressed with zstd as a whole", "unpack it: unzstd FILE"},
    {"7z\xbc\xaf\x27\x1c"sv, 0, "a 7z archive", "unpack it: 7z x FILE"},
    {"ustar"sv, 257, "a tar archive", "unpack it (tar -xf FILE) and give the dataset inside"},
    {"PAR1"sv, 0, "a Parquet table, as LeRobot and Hugging Face store episodes",
     "\"LeRobot and Parquet\" in docs/formats/other.md makes an NPZ file of it"},
    {"ARROW1"sv, 0, "an Arrow table", "\"LeRobot and Parquet\" in docs/formats/other.md makes an NPZ file of it"},
    {"#ROSBAG V"sv, 0, "a ROS 1 bag", "\"Recordings of ROS\" in docs/formats/other.md says how to make an NPZ file of it"},
    {"\x89MCAP0\r\n"sv, 0, "an MCAP recording of ROS 2",
     "\"Recordings of ROS\" in docs/formats/other.md says how to make an NPZ file of it"},
    {"SQLite format 3\0"sv, 0, "an SQLite database, as bags of ROS 2 are",
     "\"Recordings of ROS\" in docs/formats/other.md says how to make an NPZ file of it"},
    {"MATLAB 5.0 MAT-file"sv, 0, "a MATLAB file", "\"MATLAB\" in docs/formats/other.md makes an NPZ file of it"},
    {"\x93NUMPY"sv, 0, "a single NumPy array, which is no dataset", "write all arrays into one file with numpy.savez"},
};

Error foreign(const std::string& path, const std::string& what, const std::string& remedy) {
  return data_error("dataset file is " + what, path, remedy);
}

bool is_hdf5_signature(const char* bytes) { return std::memcmp(bytes, "\x89HDF\r\n\x1a\n", 8) == 0; }

// the signature stands at 0, 512, 1024, 2048, ...: what comes before is a user block
bool is_hdf5(std::ifstream& in, std::uint64_t size) {
  for (std::uint64_t at = 0; at + 8 <= size; at = at ? 2 * at : 512) {
    char bytes[8] = {};
    in.clear();
    in.seekg(static_cast<std::streamoff>(at));
    if (in.read(bytes, 8) && is_hdf5_signature(bytes)) return true;
  }
  return false;
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return b >= 32 ? b != 127 : b == '\n' || b == '\r' || b == '\t';
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, std::min(text.find_first_of("\r\n"), std::size_t{60}))); }

void refuse_text(const std::string& path, std::string_view head) {
  const std::string start = lower(head.substr(0, 400));
  const std::string line = first_line(head);
  if (start.find("<!doctype html") != std::string::npos || start.find("<html") != std::string::npos)
    throw foreign(path, "a web page, not data: the download gave a page instead of the file",
                  "download the file itself: its raw link, after logging in where that is needed");
  if (start.find("<?xml") == 0)
    throw foreign(path, fmt::format("XML text, which begins with \"{}\"", line),
                  "download the file itself: servers answer so when an address or a permission is wrong");
  // a section of TOML begins with a bracket too
  if (head[0] == '{' || (head[0] == '[' && head.size() > 1 && !std::isalpha(static_cast<unsigned char>(head[1]))))
    throw foreign(path, "JSON text", fmt::format("\"Text: CSV and JSON\" in {} makes an NPZ file of it", kOther));
  throw foreign(path, fmt::format("text, which begins with \"{}\"", line),
                fmt::format("\"Text: CSV and JSON\" in {} makes an NPZ file of it", kOther));
}

}  // namespace

void refuse_foreign_file(const fs::path& file) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in) return;  // the caller says it better
  const std::string path = file.string();
  if (size == 0)
    throw foreign(path, "empty (0 bytes)", "copy or download it again; if a program still writes it, wait until that has closed it");
  std::string head(std::min<std::uint64_t>(size, 512), '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (head.starts_with("MATLAB 7.3 MAT-file"))
    throw foreign(path, "a MATLAB 7.3 file", fmt::format("\"MATLAB\" in {} makes an NPZ file of it", kOther));
  if (is_hdf5(in, size)) return;
  for (const Kind& kind : kKinds)
    if (head.size() >= kind.at + kind.begins.size() && std::string_view(head).substr(kind.at, kind.begins.size()) == kind.begins)
      throw foreign(path, kind.what, kind.remedy);
  // protocols 2 to 5; older ones are text
  if (size > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5)
    throw foreign(path, "a Python pickle; reading one runs code that it holds, so Warmstart does not",
                  fmt::format("\"Pickles\" in {} makes an NPZ file of one that you trust", kOther));
  if (lower(file.filename().string()).find("tfrecord") != std::string::npos)
    throw foreign(path, "a TFRecord of TensorFlow datasets (RLDS)", fmt::format("\"RLDS\" in {} makes an NPZ file of it", kOther));
  if (size > 10 && head[8] == '{' && head[7] == 0 && head[6] == 0)
    throw foreign(path, "a safetensors file: networks, no dataset", "name it with --from or --agent; a dataset goes into data.path");
  if (is_text(head)) refuse_text(path, head);
}

void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return;
  const auto has = [&](const char* name) { return fs::exists(folder / name, error); };
  const std::string path = folder.string();
  const auto is = [&](const std::string& what, const std::string& remedy) { return data_error("dataset path is " + what, path, remedy); };
  if (has("meta/info.json"))
    throw is("the folder of a LeRobot dataset", fmt::format("\"LeRobot and Parquet\" in {} makes an NPZ file of it", kOther));
  if (has("features.json") || has("dataset_info.json"))
    throw is("the folder of a TensorFlow dataset (RLDS)", fmt::format("\"RLDS\" in {} makes an NPZ file of it", kOther));
  if (has("dataset_dict.json") || has("state.json"))
    throw is("the folder of a Hugging Face dataset", fmt::format("\"LeRobot and Parquet\" in {} makes an NPZ file of it", kOther));
  if (has(".zgroup") || has(".zarray") || has("zarr.json"))
    throw is("a Zarr store", fmt::format("\"Zarr\" in {} makes an NPZ file of it", kOther));
  if (has("metadata.yaml"))
    throw is("the folder of a ROS 2 bag", fmt::format("\"Recordings of ROS\" in {} says how to make an NPZ file of it", kOther));
  if (has("run.json")) throw is("the folder of a run", "`warmstart data convert RUN OUT.hdf5` makes a dataset of its replay buffer");
  if (has("namespace_metadata.json")) throw is("a namespace of Minari datasets, not one of them", "name one of the folders in it");
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string end = lower(entry.path().extension().string());
    if (end == ".hdf5" || end == ".h5" || end == ".npz" || end == ".pack") files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  if (files.size() > 5) files.resize(5), files.push_back("...");
  throw is("a folder, not a file",
           files.empty() ? "it holds no .hdf5 or .npz file; name the data file itself; a Minari folder holds data/main_data.hdf5"
                         : "name one file in it: " + join(files));
}

void refuse_foreign_layout(const ArrayFile& file) {
  const std::vector<std::string> names = file.keys("/");
  const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  const auto begins = [](const std::vector<std::string>& in, const char* with) {
    return std::any_of(in.begin(), in.end(), [&](const std::string& name) { return name.rfind(with, 0) == 0; });
  };
  const auto way = [](const char* heading) { return fmt::format("\"{}\" in {} makes an NPZ file of it", heading, kOther); };
  if (names.empty())
    throw data_error("the file holds no arrays at all", file.path(), "if a program still writes it, wait until that has closed it");
  if (has("data") && begins(file.keys("data"), "demo_"))
    throw data_error("robomimic's layout (data/demo_0, ...), not D4RL's flat one", file.path(), way("robomimic and LIBERO"));
  if (begins(names, "traj_")) throw data_error("ManiSkill's layout (traj_0, ...), not D4RL's flat one", file.path(), way("ManiSkill"));
  if (has("observations") && file.shape("observations").kind == ArrayKind::kGroup && has("action"))
    throw data_error("one episode in ALOHA's layout (observations/qpos, action), not D4RL's flat one", file.path(), way("ALOHA"));
  if (has("#refs#") || has("#subsystem#")) throw data_error("arrays of MATLAB", file.path(), way("MATLAB"));
  if (has("model_weights") || has("layer_names")) throw data_error("weights of a Keras model, no dataset", file.path(), "give a dataset");
  if (has("observations")) return;
  for (const std::string& name : names)
    if (file.shape(name).kind == ArrayKind::kGroup && file.has(name + "/axis0") && file.has(name + "/block0_values"))
      throw data_error(fmt::format("a table of pandas ('{}')", name), file.path(), way("Text: CSV and JSON"));
}

}  // namespace warmstart
