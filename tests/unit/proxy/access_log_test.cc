#include "proxy/access_log.h"

#include "catch.h"
#include "proxy/proxy_error.h"

using namespace weir;
using namespace weir::proxy;

TEST_CASE("access log: nothing a client sends can break out of its line or field") {
  AccessRecord record;
  record.method = "GET";
  record.target = "/\"\n\\\x01\xff";
  record.user_agent = "a\" \"b";
  record.status = 200;
  std::string common;
  append_access_line(common, record, config::AccessLogFormat::common, 0);
  CHECK(common ==
        "0.0.0.0 - - [01/Jan/1970:00:00:00 +0000] \"GET /\\\"\\x0A\\\\\\x01\\xFF HTTP/1.1\" 200 0 \"-\" \"a\\\" "
        "\\\"b\" \"-\" \"-\" 0ms\n");
  std::string json;
  append_access_line(json, record, config::AccessLogFormat::json, 0);
  CHECK(json.find("\"RequestPath\":\"/\\\"\\u000a\\\\\\u0001\\u00ff\"") != std::string::npos);
  CHECK(json.find('\n') == json.size() - 1);
}

TEST_CASE("proxy errors: each has a status, and only what an endpoint did may be retried") {
  CHECK(row(ProxyError::no_route).status == 404);
  CHECK(row(ProxyError::no_endpoint).status == 503);
  CHECK(row(ProxyError::connect_failed).may_retry);
  CHECK(row(ProxyError::connect_timeout).status == 504);
  CHECK(row(ProxyError::response_timeout).may_retry);  // where retry.on asks for it
  CHECK_FALSE(row(ProxyError::request_timeout).may_retry);
  CHECK(row(ProxyError::draining).word == "draining");
  CHECK(upstream_error({ErrorCode::invalid, ""}) == ProxyError::upstream_malformed);
  CHECK(upstream_error({ErrorCode::closed, ""}) == ProxyError::upstream_closed);
}
