#include "routing/left_out_fields.h"

#include <algorithm>
#include <cstdint>

#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

enum class Form : uint8_t { text, boolean, number, duration };

struct Field {
  std::string_view name;  // a "*" stands for one part: a header's name, or a number in brackets
  Form form;
};
constexpr Field kFields[] = {
    {"tls.certresolver", Form::text},
    {"tls.domains[*].main", Form::text},
    {"tls.domains[*].sans", Form::text},
    {"observability.accesslogs", Form::boolean},
    {"observability.metrics", Form::boolean},
    {"observability.tracing", Form::boolean},
    {"observability.traceverbosity", Form::text},
    {"sticky", Form::text},
    {"sticky.cookie", Form::text},
    {"sticky.cookie.name", Form::text},
    {"sticky.cookie.secure", Form::boolean},
    {"sticky.cookie.httponly", Form::boolean},
    {"sticky.cookie.samesite", Form::text},
    {"sticky.cookie.maxage", Form::number},
    {"sticky.cookie.path", Form::text},
    {"sticky.cookie.domain", Form::text},
    {"passivehealthcheck.failurewindow", Form::duration},
    {"passivehealthcheck.maxfailedattempts", Form::number},
    {"responseforwarding.flushinterval", Form::duration},
};

bool fits(std::string_view pattern, std::string_view field) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == field;
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  if (field.size() <= head.size() + tail.size() || !field.starts_with(head) || !field.ends_with(tail)) return false;
  const std::string_view middle = field.substr(head.size(), field.size() - head.size() - tail.size());
  return tail.empty() ? middle.find('.') == std::string_view::npos : parse_u64(middle).has_value();
}

}  // namespace

std::optional<bool> parse_bool(std::string_view text) {
  for (const char* word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::optional<std::string> left_out_problem(std::string_view field, std::string_view value) {
  const auto* found =
      std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& one) { return fits(one.name, field); });
  if (found == std::end(kFields)) return std::nullopt;
  switch (found->form) {
    case Form::text: return "";
    case Form::boolean: return parse_bool(value) ? "" : "true or false";
    case Form::number: return parse_i64(value) ? "" : "a whole number";
    case Form::duration: return parse_i64(value) || parse_duration_ns(value) ? "" : "a duration such as 10s";
  }
  return "";
}

}  // namespace weir::routing
