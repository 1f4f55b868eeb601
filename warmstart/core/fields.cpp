#include "warmstart/core/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "warmstart/core/error.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

constexpr std::size_t kShownChoices = 16;  // more would bury the one that was meant

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {  // TOML allows no control character in text
      out += fmt::format("\\u{:04X}", code);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string list_text(const std::vector<std::int64_t>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }
std::string list_text(const std::vector<double>& values) {
  std::vector<std::string> items;
  for (const double x : values) items.push_back(number(x));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

// "256,256" or "[256, 256]"; nothing when an item is no number
template <class T>
std::optional<std::vector<T>> parse_list(const std::string& text) {
  const auto trimmed = [](const std::string& s, const char* ends) {
    const std::size_t begin = s.find_first_not_of(ends);
    return begin == std::string::npos ? "" : s.substr(begin, s.find_last_not_of(ends) - begin + 1);
  };
  std::vector<T> items;
  for (const std::string& part : split(trimmed(text, " []"), ',')) {
    const std::string item = trimmed(part, " ");
    if (item.empty()) continue;
    T& value = items.emplace_back();
    const auto r = std::from_chars(item.data(), item.data() + item.size(), value);
    if (r.ec != std::errc() || r.ptr != item.data() + item.size()) return {};
  }
  return items;
}

std::string shown(const ConfigValue& value) {
  return std::visit(
      Overload{[](bool b) { return std::string(b ? "true" : "false"); }, [](std::int64_t i) { return std::to_string(i); },
               [](double d) { return number(d); }, [](const std::string& s) { return quoted(s); },
               [](const std::vector<std::int64_t>& v) { return list_text(v); }, [](const std::vector<double>& v) { return list_text(v); }},
      value);
}

}  // namespace

FieldDoc choice(std::string help, std::string when, std::vector<std::string> choices) {
  return {.help = std::move(help), .when = std::move(when), .choices = std::move(choices)};
}

std::string Field::type_name() const {
  return std::visit(Overload{[](bool*) { return std::string("true or false"); },
                             [&](std::int64_t*) { return doc.word.empty() ? "an integer" : fmt::format("an integer or \"{}\"", doc.word); },
                             [](int*) { return std::string("an integer"); }, [](double*) { return std::string("a number"); },
                             [](std::string*) { return std::string("text"); },
                             [](std::vector<std::int64_t>*) { return std::string("a list of integers"); },
                             [](std::vector<double>*) { return std::string("a number or a list of numbers"); }},
                    target);
}

void Field::set(const ConfigValue& value, const std::string& where) const {
  const std::string place = where + ", key " + key;
  const auto wrong_type = [&]() { return usage_error("wrong type: " + shown(value), place, "give " + type_name()); };
  const auto check_range = [&](double x) {
    if (!(x >= doc.min && x <= doc.max) && !(doc.nan_is_unset && std::isnan(x)))
      throw usage_error("value out of range: " + shown(value), place, fmt::format("give a value from {} to {}", doc.min, doc.max));
  };
  const auto as_integer = [&]() -> std::int64_t {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return *i;
    const auto* d = std::get_if<double>(&value);  // 1e6 is a natural way to write a step count
    if (d && std::trunc(*d) == *d && std::abs(*d) < 9e15) return static_cast<std::int64_t>(*d);
    throw wrong_type();
  };
  std::visit(Overload{[&](bool* p) {
                        if (const auto* b = std::get_if<bool>(&value)) *p = *b;
                        else throw wrong_type();
                      },
                      [&](std::int64_t* p) {
                        const auto* text = std::get_if<std::string>(&value);
                        if (text && !doc.word.empty() && *text == doc.word) {
                          *p = doc.word_value;
                          return;
                        }
                        const auto i = as_integer();
                        check_range(static_cast<double>(i));
                        *p = i;
                      },
                      [&](int* p) {
                        const auto i = as_integer();
                        check_range(static_cast<double>(i));
                        if (i > std::numeric_limits<int>::max() || i < std::numeric_limits<int>::min())
                          throw usage_error("value out of range: " + shown(value), place, "give a 32-bit integer");
                        *p = static_cast<int>(i);
                      },
                      [&](double* p) {
                        double d;
                        if (const auto* x = std::get_if<double>(&value)) d = *x;
                        else if (const auto* i = std::get_if<std::int64_t>(&value)) d = static_cast<double>(*i);
                        else throw wrong_type();
                        check_range(d);
                        *p = d;
                      },
                      [&](std::string* p) {
                        const auto* s = std::get_if<std::string>(&value);
                        if (!s) throw wrong_type();
                        if (!is_utf8(*s)) throw usage_error("text that is not UTF-8", place, "rename the file, or give other text");
                        if (!doc.choices.empty() && std::find(doc.choices.begin(), doc.choices.end(), *s) == doc.choices.end())
                          throw usage_error("unknown value " + quoted(*s), place,
                                            fmt::format("did you mean \"{}\"? {}", nearest_name(*s, doc.choices),
                                                        doc.choices.size() <= kShownChoices ? "valid: " + join(doc.choices) : doc.when));
                        *p = *s;
                      },
                      [&](std::vector<std::int64_t>* p) {
                        const auto* v = std::get_if<std::vector<std::int64_t>>(&value);
                        if (!v) throw wrong_type();
                        for (auto x : *v) check_range(static_cast<double>(x));
                        *p = *v;
                      },
                      [&](std::vector<double>* p) {
                        std::vector<double> items;
                        if (const auto* v = std::get_if<std::vector<double>>(&value)) items = *v;
                        else if (const auto* w = std::get_if<std::vector<std::int64_t>>(&value)) items.assign(w->begin(), w->end());
                        else if (const auto* x = std::get_if<double>(&value)) items = {*x};
                        else if (const auto* i = std::get_if<std::int64_t>(&value)) items = {static_cast<double>(*i)};
                        else throw wrong_type();
                        for (const double x : items) check_range(x);
                        *p = std::move(items);
                      }},
             target);
}

void Field::set_text(const std::string& text, const std::string& where) const {
  const auto parse_int = [](std::string_view t, std::int64_t& out) {
    const auto r = std::from_chars(t.data(), t.data() + t.size(), out);
    return r.ec == std::errc() && r.ptr == t.data() + t.size();
  };
  const auto parse_double = [](std::string_view t, double& out) {
    const auto r = std::from_chars(t.data(), t.data() + t.size(), out);
    return r.ec == std::errc() && r.ptr == t.data() + t.size();
  };
  ConfigValue value = text;
  if (!std::holds_alternative<std::string*>(target)) {
    std::int64_t i;
    double d;
    if (text == "true" || text == "false") value = text == "true";
    else if (parse_int(text, i)) value = i;
    else if (parse_double(text, d)) value = d;
    if (std::holds_alternative<std::vector<std::int64_t>*>(target)) {
      if (const auto items = parse_list<std::int64_t>(text)) value = *items;
    } else if (std::holds_alternative<std::vector<double>*>(target)) {
      if (const auto items = parse_list<double>(text)) value = *items;
    }
  }
  set(value, where);
}

std::string Field::toml() const {
  return std::visit(
      Overload{[](bool* p) { return std::string(*p ? "true" : "false"); },
               [&](std::int64_t* p) { return !doc.word.empty() && *p == doc.word_value ? quoted(doc.word) : std::to_string(*p); },
               [](int* p) { return std::to_string(*p); }, [](double* p) { return number(*p); }, [](std::string* p) { return quoted(*p); },
               [](std::vector<std::int64_t>* p) { return list_text(*p); }, [](std::vector<double>* p) { return list_text(*p); }},
      target);
}

const Field& Fields::at(const std::string& key, const std::string& where) const {
  std::vector<std::string> keys;
  for (const auto& f : list_) {
    if (f.key == key) return f;
    keys.push_back(f.key);
  }
  throw usage_error("unknown key " + key, where, "did you mean " + nearest_name(key, keys) + "? `warmstart explain` lists all keys");
}

void Fields::check(const std::string& where, const std::set<std::string>& but) const {
  for (const Field& f : list_) {
    if (but.contains(f.key)) continue;
    f.set(
        std::visit(Overload{[&](std::int64_t* p) -> ConfigValue {
                              if (!f.doc.word.empty() && *p == f.doc.word_value) return f.doc.word;
                              return *p;
                            },
                            [](int* p) -> ConfigValue { return static_cast<std::int64_t>(*p); }, [](auto* p) -> ConfigValue { return *p; }},
                   f.target),
        where);
  }
}

std::string Fields::toml() const {
  std::string out, section;
  for (const auto& f : list_) {
    const auto dot = f.key.find('.');
    const std::string head = dot == std::string::npos ? "" : f.key.substr(0, dot);
    if (head != section) out += fmt::format("\n[{}]\n", section = head);
    out += fmt::format("{} = {}\n", dot == std::string::npos ? f.key : f.key.substr(dot + 1), f.toml());
  }
  return out;
}

}  // namespace warmstart
