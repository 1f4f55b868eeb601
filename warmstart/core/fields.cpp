#include "warmstart/core/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "warmstart/core/error.h"
#include "warmstart/core/paths.h"
#include "warmstart/core/text.h"

namespace warmstart {
namespace {

constexpr std::size_t kShownChoices = 16;  // more would bury the one that was meant

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};

std::string in_quotes(const std::string& text) {
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

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
  return r.ec == std::errc() && r.ptr == text.data() + text.size();
}

// "256,256" or "[256, 256]"; nothing when brackets do not match or an item is missing or no number
template <class T>
std::optional<std::vector<T>> parse_list(const std::string& text) {
  std::string inner = trimmed(text);
  const bool opened = !inner.empty() && inner.front() == '[', closed = !inner.empty() && inner.back() == ']';
  if (opened != closed) return {};
  if (opened) inner = inner.substr(1, inner.size() - 2);
  std::vector<T> items;
  if (opened && trimmed(inner).empty()) return items;
  for (std::size_t begin = 0; begin <= inner.size();) {
    const std::size_t end = std::min(inner.find(',', begin), inner.size());
    if (!parse_number(trimmed(inner.substr(begin, end - begin)), items.emplace_back())) return {};
    begin = end + 1;
  }
  return items;
}

std::string shown(const ConfigValue& value) {
  return std::visit(
      Overload{[](bool b) { return std::string(b ? "true" : "false"); }, [](std::int64_t i) { return std::to_string(i); },
               [](double d) { return number(d); }, [](const std::string& s) { return in_quotes(s); },
               [](const std::vector<std::int64_t>& v) { return list_text(v); }, [](const std::vector<double>& v) { return list_text(v); }},
      value);
}

}  // namespace

FieldDoc choice(std::string help, std::string when, std::vector<std::string> choices) {
  return {.help = std::move(help), .when = std::move(when), .choices = std::move(choices)};
}

FieldDoc path_of(std::string help, std::string when) { return {.help = std::move(help), .when = std::move(when), .path = true}; }

std::vector<std::string> nearest_keys(const std::string& key, const std::vector<std::string>& keys) {
  const auto last = [](const std::string& k) { return k.substr(k.rfind('.') + 1); };  // npos + 1 is 0
  const std::string part = last(key);
  std::vector<std::string> same, endings, parts;
  for (const std::string& k : keys) {
    if (last(k) == part) same.push_back(k);
    else if (k.ends_with("_" + part)) endings.push_back(k);
    parts.push_back(last(k));
  }
  if (const std::string near = nearest_name(key, same); !near.empty() && edit_distance(near, key) <= 2) return {near};  // "finetun.steps"
  if (!same.empty()) return same;
  if (part == key && !endings.empty()) return endings;
  if (keys.empty()) return {};
  if (part != key) return {nearest_name(key, keys)};
  const std::string near = nearest_name(part, parts);
  for (const std::string& k : keys)
    if (last(k) == near) same.push_back(k);
  return same;
}

std::string Field::type_name() const {
  return std::visit(Overload{[](bool*) { return std::string("true or false"); },
                             [&](std::int64_t*) { return doc.word.empty() ? "an integer" : fmt::format("an integer or \"{}\"", doc.word); },
                             [](int*) { return std::string("an integer"); }, [](double*) { return std::string("a number"); },
                             [&](std::string*) { return std::string(doc.path ? "a path" : "text"); },
                             [](std::vector<std::int64_t>*) { return std::string("a list of integers"); },
                             [](std::vector<double>*) { return std::string("a number or a list of numbers"); }},
                    target);
}

void Field::set(const ConfigValue& value, const std::string& where) const {
  const std::string place = where + ", key " + key;
  const bool list = std::holds_alternative<std::vector<std::int64_t>*>(target) || std::holds_alternative<std::vector<double>*>(target);
  const auto wrong_type = [&]() {
    return usage_error("wrong type: " + shown(value), place,
                       "give " + type_name() + (list ? ", such as [64, 64]; on the command line 64,64 as well" : ""));
  };
  const auto check_range = [&](double x) {
    if (!(x >= doc.min && x <= doc.max) && !(doc.nan_is_unset && std::isnan(x)))
      throw usage_error("value out of range: " + shown(value), place, fmt::format("give a value from {} to {}", doc.min, doc.max));
  };
  const auto whole = [&](double x) {  // 1e6 is a natural way to write a step count
    if (std::trunc(x) != x || !(std::abs(x) < 9e15)) throw wrong_type();
    return static_cast<std::int64_t>(x);
  };
  const auto as_integer = [&]() -> std::int64_t {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return *i;
    if (const auto* d = std::get_if<double>(&value)) return whole(*d);
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
                          throw usage_error("unknown value " + in_quotes(*s), place,
                                            fmt::format("did you mean \"{}\"? {}", nearest_name(*s, doc.choices),
                                                        doc.choices.size() <= kShownChoices ? "valid: " + join(doc.choices) : doc.when));
                        *p = doc.path ? expand_home(*s, place) : *s;
                      },
                      [&](std::vector<std::int64_t>* p) {
                        std::vector<std::int64_t> items;
                        if (const auto* v = std::get_if<std::vector<std::int64_t>>(&value)) items = *v;
                        else if (const auto* numbers = std::get_if<std::vector<double>>(&value))
                          for (const double x : *numbers) items.push_back(whole(x));
                        else throw wrong_type();
                        for (auto x : items) check_range(static_cast<double>(x));
                        *p = std::move(items);
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
  ConfigValue value = text;
  if (!std::holds_alternative<std::string*>(target)) {
    std::int64_t i;
    double d;
    if (text == "true" || text == "false") value = text == "true";
    else if (parse_number(text, i)) value = i;
    else if (parse_number(text, d)) value = d;
    if (std::holds_alternative<std::vector<std::int64_t>*>(target)) {
      if (const auto items = parse_list<std::int64_t>(text)) value = *items;
      else if (const auto numbers = parse_list<double>(text)) value = *numbers;
    } else if (std::holds_alternative<std::vector<double>*>(target)) {
      if (const auto items = parse_list<double>(text)) value = *items;
    }
  }
  set(value, where);
}

std::string Field::toml() const {
  return std::visit(
      Overload{[](bool* p) { return std::string(*p ? "true" : "false"); },
               [&](std::int64_t* p) { return !doc.word.empty() && *p == doc.word_value ? in_quotes(doc.word) : std::to_string(*p); },
               [](int* p) { return std::to_string(*p); }, [](double* p) { return number(*p); },
               [](std::string* p) { return in_quotes(*p); }, [](std::vector<std::int64_t>* p) { return list_text(*p); },
               [](std::vector<double>* p) { return list_text(*p); }},
      target);
}

const Field& Fields::at(const std::string& key, const std::string& where) const {
  std::vector<std::string> keys;
  for (const auto& f : list_) {
    if (f.key == key) return f;
    keys.push_back(f.key);
  }
  throw usage_error("unknown key " + key, where,
                    "did you mean " + join(nearest_keys(key, keys), " or ") + "? `warmstart explain` lists all keys");
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
