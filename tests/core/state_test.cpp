// Saved state: an exact round trip, and an error, never garbage, when reader and writer disagree.
#include "warmstart/core/state.h"

#include <gtest/gtest.h>

namespace warmstart {
namespace {

struct Pod {
  int a;
  float b;
};

// Not inlined: g++ 12 warns of an array bound that it misjudges when it knows the size.
[[gnu::noinline]] std::string text_with_zero() { return {"text with \0 inside", 18}; }
[[gnu::noinline]] std::string seven_bytes() { return "seven b"; }

TEST(State, RoundTrip) {
  Rng rng(5, "state");
  rng.bits32();
  StateWriter w;
  w.put(42), w.put(1.5), w.put(text_with_zero()), w.put(std::vector<float>{1, 2, 3}), w.put(rng), w.put(Pod{7, 2.5f});
  w.put(std::vector<double>{}), w.put(std::string());

  StateReader r(w.bytes(), "test");
  int i = 0;
  double d = 0;
  std::string text, empty = "x";
  std::vector<float> floats;
  std::vector<double> none = {1};
  Rng other;
  Pod pod{};
  r.get(i), r.get(d), r.get(text), r.get(floats), r.get(other), r.get(pod);
  EXPECT_FALSE(r.done());
  r.get(none), r.get(empty);
  EXPECT_TRUE(r.done());
  EXPECT_EQ(i, 42);
  EXPECT_EQ(d, 1.5);
  EXPECT_EQ(text, text_with_zero());
  EXPECT_EQ(floats, (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(pod.a, 7);
  for (int k = 0; k < 6; ++k) EXPECT_EQ(other.bits32(), rng.bits32());
}

template <class F>
void expect_mismatch(const std::vector<std::uint8_t>& bytes, F read) {
  StateReader r(bytes, "run7/env");
  try {
    read(r);
    ADD_FAILURE() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::kData);
    EXPECT_NE(std::string(e.what()).find("run7/env"), std::string::npos) << e.what();
  }
}

TEST(State, MismatchIsAnError) {
  StateWriter w;
  w.put(42);
  w.put(seven_bytes());
  expect_mismatch(w.bytes(), [](StateReader& r) {
    double d;
    r.get(d);
  });  // another size
  expect_mismatch(w.bytes(), [](StateReader& r) {
    Rng rng;
    r.get(rng);
  });  // another thing
  expect_mismatch(w.bytes(), [](StateReader& r) {
    int i;
    std::vector<float> v;
    r.get(i), r.get(v);
  });  // not whole elements
  expect_mismatch(w.bytes(), [](StateReader& r) {
    int i;
    std::string s;
    r.get(i), r.get(s), r.get(i);
  });  // past the end
  expect_mismatch({}, [](StateReader& r) {
    int i;
    r.get(i);
  });
}

TEST(State, EveryTruncationIsAnError) {
  StateWriter w;
  w.put(42);
  w.put(std::vector<double>{1, 2});
  for (std::size_t size = 0; size < w.bytes().size(); ++size) {
    const std::vector<std::uint8_t> cut(w.bytes().begin(), w.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    expect_mismatch(cut, [](StateReader& r) {
      int i;
      std::vector<double> v;
      r.get(i), r.get(v);
    });
  }
}

TEST(State, AnAbsurdLengthIsAnError) {
  std::vector<std::uint8_t> bytes(16, 0xff);  // a length of 2^64 - 1
  expect_mismatch(bytes, [](StateReader& r) {
    std::string s;
    r.get(s);
  });
}

}  // namespace
}  // namespace warmstart
