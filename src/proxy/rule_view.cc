#include "weir/proxy/rule_view.h"

#include <algorithm>

#include "proxy/forwarding.h"
#include "weir/base/host_port.h"

namespace weir::proxy {
namespace {

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
  ForwardedBy by;
  ForwardingScratch scratch;
  std::string path;
  std::string host;
};

RuleView::RuleView(const AskedRequest& asked, const config::Config& config) : parts_(std::make_unique<Parts>()) {
  parts_->by = describe(asked, config);
  http::RequestHead head;
  head.authority = asked.authority;
  head.headers = asked.headers;
  write_forwarded_headers(head, parts_->by, config.forwarding, parts_->scratch);
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

RuleView::~RuleView() = default;

}  // namespace weir::proxy
