// Functions on text. See functions.h.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "scheduler/hcl/format.h"
#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

Result<Value> format_call(const Arguments& arguments) {
  auto pattern = text_argument(arguments, 0);
  if (!pattern) return fail(pattern.error());
  auto text = format_values(*pattern, std::span(arguments.values).subspan(1));
  return text ? Result<Value>(Value(std::move(*text))) : fail(text.error());
}

/// format() for each item of the lists among its arguments, which are of one length; others stand in each.
Result<Value> formatlist(const Arguments& arguments) {
  auto pattern = text_argument(arguments, 0);
  if (!pattern) return fail(pattern.error());
  std::optional<size_t> count;
  for (const Value& value : std::span(arguments.values).subspan(1)) {
    if (!value.is_list()) continue;
    if (count && *count != value.as_list().size()) return fail(ErrorCode::invalid, "the lists must be of one length");
    count = value.as_list().size();
  }
  Value::List out;
  size_t bytes = 0;
  for (size_t i = 0; i < count.value_or(1); ++i) {
    std::vector<Value> row;
    for (const Value& value : std::span(arguments.values).subspan(1)) {
      row.push_back(value.is_list() ? value.as_list()[i] : value);
    }
    auto text = format_values(*pattern, row);
    if (!text) return fail(text.error());
    bytes += text->size();
    if (auto fits = within_text_limit(bytes); !fits) return fail(fits.error());
    out.emplace_back(std::move(*text));
  }
  return Value(std::move(out));
}

/// A text made from a text.
template <typename Change>
Result<Value> changed(const Arguments& arguments, Change change) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  return Value(std::string(change(std::move(*text))));
}

/// A text made from two.
template <typename Change>
Result<Value> changed_by(const Arguments& arguments, Change change) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto other = text_argument(arguments, 1);
  if (!other) return fail(other.error());
  return Value(change(*text, *other));
}

Result<Value> lower(const Arguments& arguments) {
  return changed(arguments, [](const std::string& text) { return to_lower(text); });
}

Result<Value> upper(const Arguments& arguments) {
  return changed(arguments, [](const std::string& text) { return to_upper(text); });
}

Result<Value> title(const Arguments& arguments) {
  return changed(arguments, [](std::string text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (i == 0 || text[i - 1] == ' ') text[i] = ascii_upper(text[i]);
    }
    return text;
  });
}

Result<Value> trimspace(const Arguments& arguments) {
  return changed(arguments, [](const std::string& text) { return std::string(weir::trim(text)); });
}

Result<Value> chomp(const Arguments& arguments) {
  return changed(arguments, [](std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  });
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Result<Value> strlen_call(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  return Value(static_cast<int64_t>(characters(*text)));
}

Result<Value> strrev(const Arguments& arguments) {
  return changed(arguments, [](const std::string& text) {
    std::string out;
    for (size_t end = text.size(); end > 0;) {
      size_t begin = end - 1;
      while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
      out.append(text, begin, end - begin);
      end = begin;
    }
    return out;
  });
}

/// Nomad's documentation has lists, Nomad itself strings only.
Result<Value> reverse(const Arguments& arguments) {
  if (!arguments[0].is_list()) return strrev(arguments);
  const Value::List& list = arguments[0].as_list();
  return Value(Value::List(list.rbegin(), list.rend()));
}

Result<Value> trim_call(const Arguments& arguments) {
  return changed_by(arguments, [](const std::string& text, const std::string& drop) {
    size_t begin = text.find_first_not_of(drop);
    if (begin == std::string::npos) return std::string();
    return text.substr(begin, text.find_last_not_of(drop) - begin + 1);
  });
}

Result<Value> trimprefix(const Arguments& arguments) {
  return changed_by(arguments, [](const std::string& text, const std::string& prefix) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  });
}

Result<Value> trimsuffix(const Arguments& arguments) {
  return changed_by(arguments, [](const std::string& text, const std::string& suffix) {
    return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
  });
}

Result<Value> startswith(const Arguments& arguments) {
  return changed_by(arguments,
                    [](const std::string& text, const std::string& prefix) { return text.starts_with(prefix); });
}

Result<Value> endswith(const Arguments& arguments) {
  return changed_by(arguments,
                    [](const std::string& text, const std::string& suffix) { return text.ends_with(suffix); });
}

Result<Value> strcontains(const Arguments& arguments) {
  return changed_by(
      arguments, [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; });
}

Result<Value> replace(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto from = text_argument(arguments, 1);
  if (!from) return fail(from.error());
  auto to = text_argument(arguments, 2);
  if (!to) return fail(to.error());
  if (from->empty()) return Value(std::move(*text));
  size_t count = 0;
  for (size_t at = text->find(*from); at != std::string::npos; at = text->find(*from, at + from->size())) ++count;
  if (auto fits = within_text_limit(text->size() + count * to->size()); !fits) return fail(fits.error());
  return Value(replace_all(*text, *from, *to));
}

Result<Value> split_call(const Arguments& arguments) {
  auto separator = text_argument(arguments, 0);
  if (!separator) return fail(separator.error());
  auto text = text_argument(arguments, 1);
  if (!text) return fail(text.error());
  Value::List out;
  if (separator->empty()) return fail(ErrorCode::invalid, "the separator must not be empty");
  size_t begin = 0;
  for (size_t end = text->find(*separator); end != std::string::npos; end = text->find(*separator, begin)) {
    out.emplace_back(text->substr(begin, end - begin));
    begin = end + separator->size();
    if (out.size() > kListItemsMax) return fail(ErrorCode::too_large, "the result has too many items");
  }
  out.emplace_back(text->substr(begin));
  return Value(std::move(out));
}

Result<Value> join_call(const Arguments& arguments) {
  auto separator = text_argument(arguments, 0);
  if (!separator) return fail(separator.error());
  std::string out;
  bool is_first = true;
  for (size_t i = 1; i < arguments.size(); ++i) {
    auto items = list_argument(arguments, i);
    if (!items) return fail(items.error());
    for (const Value& item : **items) {
      if (item.is_list() || item.is_object() || item.is_null()) return bad_argument(i, "a list of strings", item);
      if (!is_first) out += *separator;
      is_first = false;
      out += item.to_text();
      if (auto fits = within_text_limit(out.size()); !fits) return fail(fits.error());
    }
  }
  return Value(std::move(out));
}

Result<Value> substr(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto offset = whole_argument(arguments, 1);
  if (!offset) return fail(offset.error());
  auto length = whole_argument(arguments, 2);
  if (!length) return fail(length.error());
  auto total = static_cast<int64_t>(characters(*text));
  int64_t begin = *offset < 0 ? std::max<int64_t>(0, total + std::max(*offset, -total)) : std::min(*offset, total);
  int64_t end = *length < 0 ? total : std::min(total, begin + std::min(*length, total));
  std::string out;
  int64_t character = -1;
  for (char c : *text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++character;
    if (character >= begin && character < end) out += c;
  }
  return Value(std::move(out));
}

Result<Value> indent(const Arguments& arguments) {
  auto spaces = whole_argument(arguments, 0);
  if (!spaces) return fail(spaces.error());
  auto text = text_argument(arguments, 1);
  if (!text) return fail(text.error());
  if (*spaces < 0 || *spaces > 256) return fail(ErrorCode::invalid, "0 to 256 spaces");
  auto lines = static_cast<size_t>(std::count(text->begin(), text->end(), '\n'));
  if (auto fits = within_text_limit(text->size() + lines * static_cast<size_t>(*spaces)); !fits)
    return fail(fits.error());
  return Value(replace_all(*text, "\n", "\n" + std::string(static_cast<size_t>(*spaces), ' ')));
}

/// What is behind the last slash; of none "." and of slashes alone "/".
Result<Value> basename(const Arguments& arguments) {
  return changed(arguments, [](std::string path) -> std::string {
    if (path.empty()) return ".";
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path == "/" ? path : path.substr(path.rfind('/') + 1);
  });
}

/// What is before it, without dots.
Result<Value> dirname(const Arguments& arguments) {
  return changed(arguments, [](const std::string& path) {
    std::string folder = path.substr(0, path.rfind('/') + 1);
    folder = std::filesystem::path(folder).lexically_normal().string();
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    return folder.empty() ? std::string(".") : folder;
  });
}

constexpr Function kFunctions[] = {
    {"format", 1, Function::kAnyCount, format_call},
    {"formatlist", 1, Function::kAnyCount, formatlist},
    {"basename", 1, 1, basename},
    {"dirname", 1, 1, dirname},
    {"join", 2, Function::kAnyCount, join_call},
    {"split", 2, 2, split_call},
    {"replace", 3, 3, replace},
    {"lower", 1, 1, lower},
    {"upper", 1, 1, upper},
    {"title", 1, 1, title},
    {"trimspace", 1, 1, trimspace},
    {"trim", 2, 2, trim_call},
    {"trimprefix", 2, 2, trimprefix},
    {"trimsuffix", 2, 2, trimsuffix},
    {"startswith", 2, 2, startswith},
    {"endswith", 2, 2, endswith},
    {"strcontains", 2, 2, strcontains},
    {"chomp", 1, 1, chomp},
    {"indent", 2, 2, indent},
    {"substr", 3, 3, substr},
    {"strlen", 1, 1, strlen_call},
    {"strrev", 1, 1, strrev},
    {"reverse", 1, 1, reverse},
};

}  // namespace

std::span<const Function> text_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
