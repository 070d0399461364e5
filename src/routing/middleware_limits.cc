// Middlewares that say how much a client, or all of them, may have.

#include <algorithm>
#include <cmath>

#include "routing/go_number.h"
#include "routing/left_out_fields.h"
#include "routing/middleware_options.h"
#include "weir/base/field_name.h"

namespace weir::routing {
namespace {

constexpr double kNsPerS = 1e9;

/// Reads the fields of Traefik's sourceCriterion.
class SourceOptions {
 public:
  /// Nothing where the key is none of them.
  std::optional<Status> take(const std::string& key, const std::string& value, Middleware& out) {
    constexpr std::string_view kStrategy = "sourcecriterion.ipstrategy";
    if (key.starts_with(kStrategy)) {
      strategy_ = true;
      return take_ip_strategy(kStrategy, key, value, out.ip_strategy);
    }
    if (key == "sourcecriterion.requesthost") return take_flag(key, value, host_);
    if (key != "sourcecriterion.requestheadername") return {};
    if (!value.empty() && !is_token(value)) return bad_option(key, "a header's name");
    out.source.header = value;
    return Status();
  }

  /// As in Traefik: at most one of them; `otherwise` where none is given.
  Status finish(SourceCriterion::By otherwise, Middleware& out) const {
    const bool header = !out.source.header.empty();
    if (int{strategy_} + int{header} + int{host_} > 1) {
      return fail(ErrorCode::invalid, "of ipStrategy, requestHeaderName and requestHost only one may be given");
    }
    out.source.by = strategy_ ? SourceCriterion::By::address
                    : header  ? SourceCriterion::By::header
                    : host_   ? SourceCriterion::By::host
                              : otherwise;
    return {};
  }

 private:
  bool strategy_ = false;
  bool host_ = false;
};

/// Traefik lends half a token's time, by holding the request back for it, and half a second where a token takes longer
/// than a second. Its whole numbers are kept.
double debt_of(double tokens_per_s) {
  const double wait_s = tokens_per_s < 1 ? 0.5 : std::floor(kNsPerS / (std::floor(tokens_per_s) * 2)) / kNsPerS;
  return wait_s * tokens_per_s;
}

}  // namespace

Status compile_rate_limit(const Options& options, Middleware& out) {
  SourceOptions source;
  int64_t average = 0;
  int64_t burst = 1;
  int64_t period_ns = 0;
  for (const auto& [key, value] : options) {
    if (key == "average") {
      if (Status taken = take_whole(key, value, average); !taken) return taken;
    } else if (key == "burst") {
      if (Status taken = take_whole(key, value, burst); !taken) return taken;
    } else if (key == "period") {
      auto period = traefik_duration_ns(value);
      if (!period || *period < 0) return bad_option(key, "a duration such as 10s");
      period_ns = *period;
    } else if (auto taken = source.take(key, value, out)) {
      if (!*taken) return *taken;
    } else if (auto wanted = left_out_problem("ratelimit." + key, value); !wanted) {
      return unknown_option(key);
    } else if (!wanted->empty()) {
      return bad_option(key, *wanted);
    }
  }
  if (average > 0) {
    const double period_s = period_ns == 0 ? 1 : static_cast<double>(period_ns) / kNsPerS;
    out.rate.tokens_per_s = static_cast<double>(average) / period_s;
    out.rate.burst = static_cast<double>(std::max<int64_t>(burst, 1));
    out.rate.debt_max = debt_of(out.rate.tokens_per_s);
  }
  return source.finish(SourceCriterion::By::address, out);
}

Status compile_in_flight_req(const Options& options, Middleware& out) {
  SourceOptions source;
  int64_t amount = 0;
  for (const auto& [key, value] : options) {
    if (key == "amount") {
      if (Status taken = take_whole(key, value, amount); !taken) return taken;
    } else if (auto taken = source.take(key, value, out)) {
      if (!*taken) return *taken;
    } else {
      return unknown_option(key);
    }
  }
  out.requests_max = static_cast<uint64_t>(std::max<int64_t>(amount, 0));  // 0: none passes, as in Traefik
  return source.finish(SourceCriterion::By::host, out);
}

Status compile_buffering(const Options& options, Middleware& out) {
  for (const auto& [key, value] : options) {
    uint64_t* limit = key == "maxrequestbodybytes"    ? &out.request_bytes_max
                      : key == "maxresponsebodybytes" ? &out.answer_bytes_max
                                                      : nullptr;
    if (limit != nullptr) {
      int64_t bytes = 0;
      if (Status taken = take_whole(key, value, bytes); !taken) return taken;
      *limit = static_cast<uint64_t>(std::max<int64_t>(bytes, 0));
    } else if (auto wanted = left_out_problem("buffering." + key, value); !wanted) {
      return unknown_option(key);
    } else if (!wanted->empty()) {
      return bad_option(key, *wanted);
    }
  }
  return {};
}

}  // namespace weir::routing
