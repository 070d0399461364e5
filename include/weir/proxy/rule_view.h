#pragma once
// A request that somebody asks about, as rules would see it had it come in: for `weir route explain`.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/header.h"
#include "weir/base/ip.h"
#include "weir/config/config.h"
#include "weir/proxy/path.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// What its client would send, and where.
struct AskedRequest {
  std::string_view method;
  std::string_view authority;
  std::string_view target;
  std::span<const Header> headers;
  IpAddress client_ip;
  std::string_view entry_point;
  bool tls = false;
};

/// What a router's middlewares answer, so that its service is not asked. `status` 0: nothing.
struct MiddlewareAnswer {
  uint16_t status = 0;
  std::string location;  // of a redirect
};

/// Made by what an Exchange asks: path and host in their one form, the forwarded headers as the entry point tells them
/// on (one that the configuration does not have trusts nobody with them). What was asked about and the configuration
/// outlive it.
class RuleView {
 public:
  RuleView(const AskedRequest& asked, const config::Config& config);
  ~RuleView();
  RuleView(const RuleView&) = delete;
  RuleView& operator=(const RuleView&) = delete;

  [[nodiscard]] const routing::RequestView& request() const { return request_; }
  [[nodiscard]] const NormalTarget& target() const { return target_; }
  /// By `router`, which it has been matched to. Limits are taken as not reached, and those as let in of whom that would
  /// have to be found out: by weighing a password, or by asking a server.
  [[nodiscard]] MiddlewareAnswer answer_of(const routing::Router& router) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;  // what the views are of
  NormalTarget target_;
  routing::RequestView request_;
};

}  // namespace weir::proxy
