#include "routing/health_check.h"

#include <algorithm>

#include "routing/go_number.h"
#include "weir/base/duration.h"
#include "weir/base/field_name.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::routing {

namespace {

constexpr std::string_view kHeadersPrefix = "headers.";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

}  // namespace

std::optional<std::string> HealthCheckReader::read(std::string_view field, std::string_view value) {
  std::string expected;
  if (field == "mode") {
    const bool grpc = equals_ignore_case(value, "grpc");
    check_.mode = grpc ? HealthCheck::Mode::grpc : HealthCheck::Mode::http;
    bool known = grpc || value.empty() || equals_ignore_case(value, "http");
    if (!known) notes_.push_back("mode \"" + std::string(value) + "\" is neither http nor grpc; http is used");
  } else if (field == "scheme") {
    check_.scheme = to_lower(value);
    bool known = check_.scheme.empty() || check_.scheme == "http" || check_.scheme == "https" || check_.scheme == "h2c";
    if (!known) give_up("scheme \"" + check_.scheme + "\" is none of http, https and h2c");
  } else if (field == "path") {
    read_path(value);
  } else if (field == "method") {
    if (!value.empty()) check_.method = value;
    if (!is_token(check_.method) || check_.method == "CONNECT") give_up("method \"" + check_.method + "\"");
  } else if (field == "status") {
    expected = read_number(field, value, check_.status, 200, 599);
  } else if (field == "port") {
    expected = read_number(field, value, check_.port, 1, 65535);
  } else if (field == "interval") {
    expected = read_duration(field, value, check_.interval_ms, HealthCheck::kIntervalMsMin);
  } else if (field == "unhealthyinterval") {
    expected = read_duration(field, value, check_.unhealthy_interval_ms, HealthCheck::kIntervalMsMin);
  } else if (field == "timeout") {
    expected = read_duration(field, value, check_.timeout_ms, 1);
  } else if (field == "hostname") {
    check_.hostname = value;
    bool is_name = !has_control(value) && value.find_first_of(" /@") == std::string_view::npos;
    if (!is_name) give_up("hostname \"" + check_.hostname + "\"");
  } else if (field == "followredirects") {
    auto on = parse_go_bool(value);
    check_.follow_redirects = on.value_or(true);
    if (!on) expected = "true or false";
  } else if (field.starts_with(kHeadersPrefix) && field.size() > kHeadersPrefix.size()) {
    read_header(field.substr(kHeadersPrefix.size()), value);
  } else {
    return std::nullopt;
  }
  named_ = true;
  return expected;
}

HealthCheckRef HealthCheckReader::check() const {
  return named_ && usable_ ? HealthCheckRef(check_) : HealthCheckRef();
}

std::string HealthCheckReader::read_duration(std::string_view field, std::string_view value, uint64_t& ms,
                                             uint64_t min_ms) {
  auto ns = traefik_duration_ns(value);
  if (!ns) return "a duration such as 10s";
  const uint64_t asked_ms = *ns > 0 ? (static_cast<uint64_t>(*ns) + 999'999) / 1'000'000 : 0;
  const uint64_t default_ms = field == "timeout" ? HealthCheck().timeout_ms : HealthCheck().interval_ms;
  ms = asked_ms == 0 ? default_ms : std::max(asked_ms, min_ms);
  if (ms != asked_ms) {
    notes_.push_back(std::string(field) + " \"" + std::string(value) + "\" is too short; " +
                     format_duration(static_cast<int64_t>(ms) * 1'000'000) + " is used");
  }
  return "";
}

std::string HealthCheckReader::read_number(std::string_view field, std::string_view value, uint16_t& number,
                                           uint16_t min, uint16_t max) {
  auto whole = parse_i64(value);
  if (!whole) return "a whole number";
  const bool fits = *whole >= min && *whole <= max;
  if (!fits && *whole != 0) give_up(std::string(field) + " " + std::string(value));
  number = fits ? static_cast<uint16_t>(*whole) : uint16_t{0};
  return "";
}

/// Relative to the endpoint, as a path and nothing else: "health" is "/health".
void HealthCheckReader::read_path(std::string_view path) {
  path = path.substr(0, path.find('#'));
  check_.path = path.starts_with('/') ? std::string(path) : "/" + std::string(path);
  bool is_path = !has_control(path) && path.find(' ') == std::string_view::npos && !path.starts_with("//") &&
                 path.find("://") == std::string_view::npos;
  if (!is_path) give_up("path \"" + std::string(path) + "\" is none");
}

void HealthCheckReader::read_header(std::string_view name, std::string_view value) {
  std::string lower = to_lower(name);
  constexpr std::string_view kOurs[] = {"connection", "content-length", "transfer-encoding", "upgrade", "te"};
  if (lower == "host") {
    notes_.emplace_back("the header Host is not sent; hostname is");  // Traefik's client drops it
  } else if (std::find(std::begin(kOurs), std::end(kOurs), lower) != std::end(kOurs) || !is_token(lower) ||
             has_control(value)) {
    notes_.push_back("the header \"" + lower + "\" is not sent");
  } else {
    check_.headers[lower] = value;
  }
}

void HealthCheckReader::give_up(const std::string& reason) {
  usable_ = false;
  notes_.push_back(reason + ": no such request can be made, and the service is not checked");
}

}  // namespace weir::routing
