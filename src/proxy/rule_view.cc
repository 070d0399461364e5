#include "weir/proxy/rule_view.h"

#include <algorithm>

#include "proxy/authenticator.h"
#include "proxy/forwarding.h"
#include "proxy/middlewares.h"
#include "proxy/password_checker.h"
#include "proxy/request_limits.h"
#include "weir/base/host_port.h"
#include "weir/event/loop.h"
#include "weir/tls/engine.h"

namespace weir::proxy {
namespace {

/// Of a client that nobody knows more of than that it speaks TLS.
class AskedTls final : public tls::Connection {
 public:
  [[nodiscard]] std::string_view version() const override { return {}; }
  [[nodiscard]] std::string_view cipher() const override { return {}; }
  [[nodiscard]] std::string_view server_name() const override { return {}; }
  [[nodiscard]] std::string_view options_name() const override { return {}; }
  [[nodiscard]] bool resumed() const override { return false; }
  [[nodiscard]] std::string_view client_subject() const override { return {}; }
  [[nodiscard]] tls::CertificateFacts peer_certificate() const override { return {}; }
  [[nodiscard]] const std::vector<tls::PeerCertificate>& client_certificates() const override { return none_; }

 private:
  const std::vector<tls::PeerCertificate> none_ = {};
};

ForwardedBy describe(const AskedRequest& asked, const config::Config& config) {
  ForwardedBy by;
  by.client.ip = asked.client_ip;
  auto entry_point = std::find_if(config.entry_points.begin(), config.entry_points.end(),
                                  [&](const auto& one) { return one.name == asked.entry_point; });
  if (entry_point != config.entry_points.end()) {
    by.trusted = contains(entry_point->forwarded_headers_trusted_cidrs, asked.client_ip);
  }
  by.fields = HopFields(asked.tls ? "https" : "http", asked.tls ? 443 : 80, asked.client_ip.text());
  return by;
}

}  // namespace

struct RuleView::Parts {
  Parts(const AskedRequest& of, const config::Config& by_config)
      : asked(of), config(by_config), by(describe(asked, config)) {
    head.method = http::method_of(asked.method);
    head.method_text = asked.method;
    head.authority = asked.authority;
    head.target = asked.target;
    head.headers = asked.headers;
    if (asked.tls) by.tls = &tls;
    write_forwarded_headers(head, by, config.forwarding, scratch);
  }

  const AskedRequest asked;
  const config::Config& config;
  const AskedTls tls;
  ForwardedBy by;
  http::RequestHead head;
  ForwardingScratch scratch;
  std::string path;
  std::string host;
};

RuleView::RuleView(const AskedRequest& asked, const config::Config& config)
    : parts_(std::make_unique<Parts>(asked, config)) {
  target_ = normalise_target(asked.target, parts_->path);
  request_.method = asked.method;
  request_.host = normalise_host(asked.authority, parts_->host);
  request_.port = split_host_port(asked.authority).port;
  request_.path = target_.path;
  request_.query = target_.query;
  request_.headers = parts_->scratch.headers;
  request_.client_ip = asked.client_ip;
  request_.entry_point = asked.entry_point;
  request_.tls = asked.tls;
}

MiddlewareAnswer RuleView::answer_of(const routing::Router& router) const {
  event::Loop nobody;
  Authenticator authenticator(nobody, std::make_shared<PasswordChecker>());
  RequestLimits limits;
  const Guards guards{authenticator, limits, nobody};
  Parts parts(parts_->asked, parts_->config);  // middlewares change it, and rules are not to see that
  append_hop(parts.head, parts.by, parts.config.forwarding, parts.scratch);
  MiddlewareOutcome outcome =
      run_request_middlewares(router, parts.head, target_.path, parts.by, guards, parts.scratch);
  while (outcome.undecided != nullptr) {
    ++parts.scratch.passed;
    resume_request_middlewares(router, parts.head, parts.by, guards, parts.scratch, outcome);
  }
  return {outcome.status, outcome.redirect ? parts.scratch.location : ""};
}

RuleView::~RuleView() = default;

}  // namespace weir::proxy
