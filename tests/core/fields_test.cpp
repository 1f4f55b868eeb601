// Configuration fields: what is accepted, what is refused and how the refusal reads, and the TOML round trip.
#include "warmstart/core/fields.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <toml++/toml.h>

#include <cstdlib>
#include <limits>
#include <set>

#include "warmstart/core/error.h"

namespace warmstart {
namespace {

struct Config {
  bool layer_norm = true;
  std::int64_t steps = 250000;
  int members = 10;
  double rate = 3e-4;
  std::string env = "maze";
  std::vector<std::int64_t> hidden = {256, 256};
  std::string note;

  Fields fields() {
    Fields f("agent");
    f.add("layer_norm", layer_norm, {"LayerNorm in every hidden layer"});
    f.add("steps", steps, {.help = "steps", .min = 0});
    f.add("members", members, {.help = "critics", .min = 1, .max = 100});
    f.add("rate", rate, {.help = "learning rate", .min = 0, .max = 1});
    f.add("hidden", hidden, {.help = "widths", .min = 1});
    Fields run("run");
    run.add("env", env, {.help = "task", .choices = {"maze", "hopper", "walker"}});
    run.add("note", note, {.help = "free text"});
    f.append(run);
    return f;
  }
  bool operator==(const Config&) const = default;
};

std::string refusal(const Config& config, const std::string& key, const ConfigValue& value) {
  Config copy = config;
  try {
    copy.fields().at(key, "test.toml").set(value, "test.toml");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kUsage);
    EXPECT_EQ(copy, config) << "a refused value must not be assigned";
    return e.what();
  }
  return "accepted";
}

void expect_mentions(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " is missing in: " << message;
}

// a program that fills a struct by itself is told what a recipe would be told
TEST(Fields, CheckLooksAtEveryValueAsSetDoes) {
  Config good;
  EXPECT_NO_THROW(good.fields().check("Config"));
  const auto said = [](Config config, const std::set<std::string>& but = {}) {
    try {
      config.fields().check("Config", but);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kUsage);
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  Config bad = good;
  bad.env = "mazes";
  expect_mentions(said(bad), {"unknown value \"mazes\"", "Config, key run.env", "did you mean \"maze\""});
  EXPECT_EQ(said(bad, {"run.env"}), "accepted");
  bad = good, bad.members = 0;
  expect_mentions(said(bad), {"out of range: 0", "agent.members"});
  bad = good, bad.rate = std::numeric_limits<double>::quiet_NaN();
  expect_mentions(said(bad), {"out of range: nan", "agent.rate"});
  bad = good, bad.hidden = {256, 0};
  expect_mentions(said(bad), {"agent.hidden"});
  // a word and the number that stands for it
  std::int64_t steps = -1;
  Fields f("warmup");
  f.add("steps", steps, {.help = "K", .min = 0, .word = "auto", .word_value = -1});
  EXPECT_NO_THROW(f.check("Config"));
  EXPECT_EQ(steps, -1);
  steps = -2;
  EXPECT_THROW(f.check("Config"), Error);
}

TEST(Fields, ListsOfNumbers) {
  std::vector<double> limits = {9};
  Fields f("safety");
  f.add("limits", limits, {.help = "limits", .min = -1, .max = 10});
  const Field& field = f.list()[0];
  using List = std::vector<double>;
  const auto after = [&](const ConfigValue& value) { return field.set(value, "w"), limits; };
  const auto after_text = [&](const std::string& text) { return field.set_text(text, "w"), limits; };
  EXPECT_EQ(after(List{0.5, -1}), (List{0.5, -1}));
  EXPECT_EQ(after(std::vector<std::int64_t>{1, 2}), (List{1, 2}));
  EXPECT_EQ(after(std::vector<std::int64_t>{}), List{});
  EXPECT_EQ(after(0.25), List{0.25});
  EXPECT_EQ(after(std::int64_t{3}), List{3});
  EXPECT_EQ(after_text("0.5"), List{0.5});
  EXPECT_EQ(after_text("[0.5, 2,-1]"), (List{0.5, 2, -1}));
  EXPECT_EQ(field.toml(), "[0.5, 2.0, -1.0]");
  EXPECT_EQ(after_text("[]"), List{});
  EXPECT_EQ(field.toml(), "[]");
  const auto refused = [&](const std::string& text) {
    try {
      field.set_text(text, "w");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  expect_mentions(refused("0.5,half"), {"wrong type", "a number or a list of numbers"});
  expect_mentions(refused("0.5 0.25"), {"wrong type"});
  expect_mentions(refused("0.]5"), {"wrong type"});
  EXPECT_EQ(after_text("[ 0.5 , 2 ]"), (List{0.5, 2}));
  limits.clear();
  expect_mentions(refused("0.5,11"), {"out of range", "safety.limits"});
  EXPECT_EQ(limits, List{}) << "a refused value must not be assigned";
}

TEST(Fields, PathsKnowTheHomeFolder) {
  std::string file, text;
  Fields f("data");
  f.add("path", file, path_of("a file", "always"));
  f.add("text", text, {.help = "any"});
  setenv("HOME", "/people/somebody", 1);
  const auto after = [&](const std::string& value) { return f.list()[0].set_text(value, "w"), file; };
  EXPECT_EQ(after("~/x.npz"), "/people/somebody/x.npz");
  EXPECT_EQ(after("~"), "/people/somebody");
  EXPECT_EQ(after("~root/x"), std::string(getpwnam("root")->pw_dir) + "/x");
  for (const char* plain : {"a/~/b", "./~x", "/abs/~", "x~", ""}) EXPECT_EQ(after(plain), plain);
  try {
    after("~nobody-of-this-name/x");
    ADD_FAILURE() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kUsage);
    expect_mentions(e.what(), {"no home folder", "~nobody-of-this-name", "data.path", "./~"});
  }
  f.list()[1].set_text("~/x", "w");
  EXPECT_EQ(text, "~/x") << "text that is no path stays";
}

TEST(Fields, NearestKeysGoByTheLastPart) {
  const std::vector<std::string> keys = {
      "finetune.utd", "pretrain.batch", "finetune.batch", "agent.tau", "agent.actor_lr", "agent.critic_lr", "name"};
  using List = std::vector<std::string>;
  EXPECT_EQ(nearest_keys("utd", keys), List{"finetune.utd"});
  EXPECT_EQ(nearest_keys("agent.utd", keys), List{"finetune.utd"});
  EXPECT_EQ(nearest_keys("batch", keys), (List{"pretrain.batch", "finetune.batch"}));
  EXPECT_EQ(nearest_keys("lr", keys), (List{"agent.actor_lr", "agent.critic_lr"}));
  EXPECT_EQ(nearest_keys("uttd", keys), List{"finetune.utd"});
  EXPECT_EQ(nearest_keys("agent.tua", keys), List{"agent.tau"});
  EXPECT_EQ(nearest_keys("finetun.batch", keys), List{"finetune.batch"});
  EXPECT_EQ(nearest_keys("x", {}), List{});
}

TEST(Fields, TextIsUtf8) {
  std::string text;
  Fields f("run");
  f.add("text", text, {.help = "any"});
  const auto set = [&](const std::string& value) { f.list()[0].set(value, "w"); };
  for (const char* wrong : {"a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\xe0\x80\xaf"}) {
    try {
      set(wrong);
      ADD_FAILURE() << "accepted";
    } catch (const Error& e) {
      expect_mentions(e.what(), {"not UTF-8", "run.text"});
    }
  }
  for (const char* right : {"", "plain", "Gr\u00f6\u00dfe \u20ac \U0001F916", "\uFFFD"}) {
    set(right);
    EXPECT_EQ(text, right);
  }
}

TEST(Fields, AcceptsWhatFits) {
  Config c;
  const Fields f = c.fields();
  const auto set = [&](const char* key, ConfigValue v) { f.at(key, "w").set(v, "w"); };
  set("agent.layer_norm", false), set("agent.steps", std::int64_t{7}), set("agent.rate", std::int64_t{1}),
      set("run.env", std::string("hopper"));
  set("agent.hidden", std::vector<std::int64_t>{512});
  EXPECT_FALSE(c.layer_norm);
  EXPECT_EQ(c.steps, 7);
  EXPECT_EQ(c.rate, 1.0);  // an integer is a number
  EXPECT_EQ(c.env, "hopper");
  EXPECT_EQ(c.hidden, std::vector<std::int64_t>{512});
  set("agent.steps", 1e6);  // a whole number may be written as a float
  EXPECT_EQ(c.steps, 1000000);
  set("agent.members", std::int64_t{100});  // bounds are inclusive
  EXPECT_EQ(c.members, 100);
}

TEST(Fields, RefusesWrongTypes) {
  const Config c;
  expect_mentions(refusal(c, "agent.layer_norm", std::int64_t{1}), {"wrong type", "agent.layer_norm", "test.toml", "true or false"});
  expect_mentions(refusal(c, "agent.steps", std::string("many")), {"wrong type", "\"many\"", "an integer"});
  expect_mentions(refusal(c, "agent.members", 2.5), {"wrong type", "2.5", "an integer"});
  expect_mentions(refusal(c, "agent.rate", true), {"wrong type", "a number"});
  expect_mentions(refusal(c, "agent.hidden", std::int64_t{256}), {"wrong type", "a list of integers"});
  expect_mentions(refusal(c, "run.env", 1.0), {"wrong type", "text"});
}

TEST(Fields, RefusesWhatIsOutOfRange) {
  const Config c;
  expect_mentions(refusal(c, "agent.members", std::int64_t{0}), {"out of range", "agent.members", "from 1 to 100"});
  expect_mentions(refusal(c, "agent.members", std::int64_t{101}), {"out of range"});
  expect_mentions(refusal(c, "agent.rate", -1e-9), {"out of range"});
  expect_mentions(refusal(c, "agent.rate", std::numeric_limits<double>::quiet_NaN()), {"out of range"});
  expect_mentions(refusal(c, "agent.hidden", std::vector<std::int64_t>{256, 0}), {"out of range"});
  expect_mentions(refusal(c, "agent.steps", std::int64_t{-1}), {"out of range"});
  expect_mentions(refusal(c, "run.env", std::string("hoper")), {"unknown value", "\"hoper\"", "\"hopper\"", "maze, hopper, walker"});
  int small = 0;
  Fields f;
  f.add("small", small, {"no bounds of its own"});
  EXPECT_THROW(f.at("small", "w").set(std::int64_t{1} << 40, "w"), Error);
  EXPECT_EQ(small, 0);
}

TEST(Fields, NamesTheNearestKey) {
  Config c;
  try {
    c.fields().at("agent.hiden", "recipe.toml");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kUsage);
    expect_mentions(e.what(), {"unknown key agent.hiden", "recipe.toml", "agent.hidden"});
  }
}

TEST(Fields, ReadsCommandLineText) {
  Config c;
  const Fields f = c.fields();
  const auto set = [&](const char* key, const char* text) { f.at(key, "--set").set_text(text, "--set"); };
  set("agent.layer_norm", "false"), set("agent.steps", "1e6"), set("agent.rate", "1e-4"), set("agent.hidden", "[512, 256]"),
      set("run.note", "true");
  EXPECT_FALSE(c.layer_norm);
  EXPECT_EQ(c.steps, 1000000);
  EXPECT_EQ(c.rate, 1e-4);
  EXPECT_EQ(c.hidden, (std::vector<std::int64_t>{512, 256}));
  EXPECT_EQ(c.note, "true");  // text stays text
  set("agent.hidden", "64,32,16");
  EXPECT_EQ(c.hidden, (std::vector<std::int64_t>{64, 32, 16}));
  set("agent.hidden", "128");
  EXPECT_EQ(c.hidden, std::vector<std::int64_t>{128});
  set("agent.hidden", " [ 64 ,32 ] ");
  EXPECT_EQ(c.hidden, (std::vector<std::int64_t>{64, 32}));
  set("agent.hidden", "1e3,64");
  EXPECT_EQ(c.hidden, (std::vector<std::int64_t>{1000, 64}));
  set("agent.hidden", "[]");
  EXPECT_EQ(c.hidden, std::vector<std::int64_t>{});
  c.hidden = {7};
  for (const char* bad : {"12x",   "1,a", "yes",   "[64",   "64]",    "[64,",  "[[64]]", "[64]]", "64,,64",
                          ",64",   "64,", "[64,]", "64 64", "64 64x", "1e",    "1e,2",   "",      " ",
                          ",",     "[",   "]",     "][",    "[,]",    "64;64", "1.5,2",  "0x10",  "99999999999999999999",
                          "1e400", "nan", "inf,1"}) {
    try {
      set("agent.hidden", bad);
      ADD_FAILURE() << "accepted: " << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Exit::kUsage);
      expect_mentions(e.what(), {"wrong type", "agent.hidden", "--set", "[64, 64]"});
    }
  }
  EXPECT_EQ(c.hidden, std::vector<std::int64_t>{7}) << "a refused value must not be assigned";
  for (const char* bad : {"1e", "", " ", "1e-4 ", "1,5", "1e400", "0.1.2", "--1", "[1]"})
    EXPECT_THROW(set("agent.rate", bad), Error) << bad;
  for (const char* bad : {"True", "1", "yes", ""}) EXPECT_THROW(set("agent.layer_norm", bad), Error) << bad;
  for (const char* bad : {"3 ", "", "1.5", "0x10"}) EXPECT_THROW(set("agent.members", bad), Error) << bad;
}

// Reads `text` with a real TOML parser into a default config.
Config parsed(const std::string& text) {
  Config c;
  const Fields f = c.fields();
  const toml::table table = toml::parse(text);
  for (const auto& [section, node] : table) {
    for (const auto& [name, value] : *node.as_table()) {
      ConfigValue v;
      if (const auto* b = value.as_boolean()) v = b->get();
      else if (const auto* i = value.as_integer()) v = i->get();
      else if (const auto* d = value.as_floating_point()) v = d->get();
      else if (const auto* s = value.as_string()) v = s->get();
      else {
        std::vector<std::int64_t> list;
        for (const auto& item : *value.as_array()) list.push_back(item.value<std::int64_t>().value());
        v = list;
      }
      f.at(std::string(section.str()) + "." + std::string(name.str()), "text").set(v, "text");
    }
  }
  return c;
}

TEST(Fields, TomlRoundTrip) {
  Config c;
  EXPECT_EQ(parsed(c.fields().toml()), c);
  for (const double rate : {0.0, 1.0, 1e-10, 0.1, 1.0 / 3, 5e-324, 0.30000000000000004}) {
    c.rate = rate;
    EXPECT_EQ(parsed(c.fields().toml()).rate, rate);
  }
  c = {.layer_norm = false, .steps = std::int64_t{1} << 60, .members = 1, .env = "walker", .hidden = {}};
  for (const char* note : {"", "two\nlines", "\"quoted\" and \\back\\", "tab\there", "caf\xc3\xa9"}) {
    c.note = note;
    try {
      EXPECT_EQ(parsed(c.fields().toml()), c);
    } catch (const toml::parse_error& e) {
      ADD_FAILURE() << "not TOML: " << e.what() << "\n" << c.fields().toml();
    }
  }
}

// Switched off until Field::toml() escapes control characters; TOML forbids them in strings.
TEST(Fields, TomlRoundTripOfControlCharacters) {
  Config c;
  for (const char* note : {"return\r", "bell\x07", "delete\x7f"}) {
    c.note = note;
    EXPECT_NO_THROW(EXPECT_EQ(parsed(c.fields().toml()), c));
  }
}

TEST(Fields, KeepsWhatLargeNumbersWere) {
  double big = 1e20, huge = std::numeric_limits<double>::infinity();
  Fields f("x");
  f.add("big", big, {""}), f.add("huge", huge, {""});
  const toml::table t = toml::parse(f.toml());
  EXPECT_EQ(t["x"]["big"].value<double>(), 1e20);
  EXPECT_EQ(t["x"]["huge"].value<double>(), huge);
}

}  // namespace
}  // namespace warmstart
