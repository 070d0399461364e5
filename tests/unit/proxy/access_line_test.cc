#include "proxy/access_line.h"

#include <cstdlib>
#include <ctime>

#include "catch.h"
#include "proxy/proxy_error.h"

using namespace weir;
using namespace weir::proxy;

namespace {

// 2026-11-21T10:00:00.25Z
constexpr int64_t kWhen_us = 1'795'255'200'250'000;

/// The machine's zone, while it lives.
struct Zone {
  explicit Zone(const char* name) { ::setenv("TZ", name, 1), ::tzset(); }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
  ~Zone() { ::unsetenv("TZ"), ::tzset(); }
};

AccessRecord request() {
  AccessRecord record;
  auto& texts = record.texts;
  texts[AccessRecord::client_host] = "192.0.2.7";
  texts[AccessRecord::method] = "GET";
  texts[AccessRecord::authority] = "a.test:8080";
  texts[AccessRecord::target] = "/p?q=1";
  texts[AccessRecord::referer] = "http://from.test/";
  texts[AccessRecord::user_agent] = "agent/1";
  texts[AccessRecord::router] = "web@file";
  texts[AccessRecord::service] = "s@consul";
  texts[AccessRecord::endpoint] = "http://10.0.0.1:80";
  texts[AccessRecord::endpoint_addr] = "10.0.0.1:80";
  texts[AccessRecord::entry_point] = "web";
  texts[AccessRecord::scheme] = "http";
  texts[AccessRecord::protocol] = "HTTP/1.1";
  record.duration_us = 1'500'000;
  record.origin_us = 1'200'000;
  record.origin_bytes = 5;
  record.origin_status = 200;
  record.response_bytes = 5;
  record.generation = 3;
  record.catalog_index = 77;
  record.count = 9;
  record.retries = 1;
  record.client_port = 4711;
  record.status = 200;
  return record;
}

std::string line(const config::AccessLogConfig& config, const AccessRecord& record) {
  std::string out;
  AccessLineWriter(config).append(out, record, kWhen_us);
  return out;
}

config::AccessLogConfig in(config::AccessLogFormat format) {
  config::AccessLogConfig config = config::Config().access_log;
  config.format = format;
  return config;
}

}  // namespace

TEST_CASE("access line: combined is what nginx and Apache write, common goes on as Traefik's") {
  std::string combined =
      "192.0.2.7 - - [21/Nov/2026:10:00:00 +0000] \"GET /p?q=1 HTTP/1.1\" 200 5 \"http://from.test/\" \"agent/1\"";
  CHECK(line(in(config::AccessLogFormat::combined), request()) == combined + "\n");
  CHECK(line(in(config::AccessLogFormat::common), request()) ==
        combined + " 9 \"web@file\" \"http://10.0.0.1:80\" 1500ms\n");
}

TEST_CASE("access line: json has Traefik's names, durations in nanoseconds") {
  Zone zone("UTC0");
  CHECK(
      line(in(config::AccessLogFormat::json), request()) ==
      "{\"time\":\"2026-11-21T10:00:01Z\",\"StartUTC\":\"2026-11-21T10:00:00.250000Z\","
      "\"StartLocal\":\"2026-11-21T10:00:00.250000Z\","
      "\"ClientAddr\":\"192.0.2.7:4711\",\"ClientHost\":\"192.0.2.7\",\"ClientPort\":\"4711\",\"ClientUsername\":\"-\","
      "\"RequestAddr\":\"a.test:8080\",\"RequestHost\":\"a.test\",\"RequestPort\":\"8080\",\"RequestMethod\":\"GET\","
      "\"RequestPath\":\"/p?q=1\",\"RequestProtocol\":\"HTTP/1.1\",\"RequestScheme\":\"http\","
      "\"RequestContentSize\":0,\"RequestCount\":9,\"entryPointName\":\"web\",\"RouterName\":\"web@file\","
      "\"ServiceName\":\"s@consul\",\"ServiceURL\":\"http://10.0.0.1:80\",\"ServiceAddr\":\"10.0.0.1:80\","
      "\"RetryAttempts\":1,\"OriginDuration\":1200000000,\"OriginStatus\":200,\"OriginContentSize\":5,"
      "\"DownstreamStatus\":200,\"DownstreamContentSize\":5,\"Duration\":1500000000,\"Overhead\":300000000,"
      "\"TableGeneration\":3,\"CatalogIndex\":77}\n");
}

TEST_CASE("access line: the local start has the zone's offset") {
  auto config = in(config::AccessLogFormat::json);
  config.fields_default = config::FieldMode::drop;
  config.fields_kept = {"StartLocal"};
  for (auto [name, expected] :
       {std::pair("ABC-5:30", "2026-11-21T15:30:00.250000+05:30"),
        std::pair("ABC11", "2026-11-20T23:00:00.250000-11:00"), std::pair("ABC0", "2026-11-21T10:00:00.250000Z")}) {
    Zone zone(name);
    CHECK(line(config, request()) == std::string("{\"StartLocal\":\"") + expected + "\"}\n");
  }
}

TEST_CASE("access line: who has shown a certificate is told by its subject, escaped; nobody else has the field") {
  AccessRecord record = request();
  CHECK(line(in(config::AccessLogFormat::json), record).find("TLSClientSubject") == std::string::npos);
  record.texts[AccessRecord::tls_client_subject] = "CN=\\\"a\n";
  std::string json = line(in(config::AccessLogFormat::json), record);
  CHECK(json.find(R"("TLSClientSubject":"CN=\\\"a\u000a")") != std::string::npos);
}

TEST_CASE("access line: a request that nobody answered has no origin, and one without a route no router") {
  AccessRecord record = request();
  record.origin_status = 0;
  record.origin_us = 0;
  record.texts[AccessRecord::router] = record.texts[AccessRecord::service] = {};
  record.texts[AccessRecord::endpoint] = record.texts[AccessRecord::endpoint_addr] = {};
  record.texts[AccessRecord::authority] = "[::1]";
  record.texts[AccessRecord::client_host] = "::1";
  record.texts[AccessRecord::error] = row(ProxyError::no_route).word;
  std::string json = line(in(config::AccessLogFormat::json), record);
  for (std::string_view absent : {"OriginStatus", "RouterName", "ServiceName", "ServiceURL"}) {
    CHECK(json.find(absent) == std::string::npos);
  }
  CHECK(json.find("\"ClientAddr\":\"[::1]:4711\"") != std::string::npos);
  CHECK(json.find("\"RequestHost\":\"[::1]\",\"RequestPort\":\"-\"") != std::string::npos);
  CHECK(json.find("\"Error\":\"no_route\"}\n") != std::string::npos);
  std::string common = line(in(config::AccessLogFormat::common), record);
  CHECK(common.find(" 9 \"-\" \"-\" 1500ms\n") != std::string::npos);
}

TEST_CASE("access line: nothing a client sends can break out of its line or field") {
  AccessRecord record = request();
  record.texts[AccessRecord::target] = "/\"\n\\\x01\xff";
  record.texts[AccessRecord::user_agent] = "a\" \"b";
  std::string common = line(in(config::AccessLogFormat::common), record);
  CHECK(common.find("\"GET /\\\"\\x0A\\\\\\x01\\xFF HTTP/1.1\" 200 5 \"http://from.test/\" \"a\\\" \\\"b\" 9") !=
        std::string::npos);
  std::string json = line(in(config::AccessLogFormat::json), record);
  CHECK(json.find("\"RequestPath\":\"/\\\"\\u000a\\\\\\u0001\\u00ff\"") != std::string::npos);
  CHECK(json.find('\n') == json.size() - 1);
}

TEST_CASE("access line: json fields are left out by name or kept by name") {
  auto config = in(config::AccessLogFormat::json);
  config.fields_dropped = {"time", "requestpath"};
  std::string most = line(config, request());
  CHECK(most.find("{\"StartUTC\"") == 0);
  CHECK(most.find("RequestPath") == std::string::npos);
  CHECK(most.find("RequestMethod") != std::string::npos);
  config.fields_dropped = {};
  config.fields_default = config::FieldMode::drop;
  config.fields_kept = {"DownstreamStatus", "Duration"};
  CHECK(line(config, request()) == "{\"DownstreamStatus\":200,\"Duration\":1500000000}\n");
  config.fields_kept = {};
  AccessRecord record = request();
  record.texts[AccessRecord::headers] = ",\"request_X\":\"1\"";
  CHECK(line(config, record) == "{\"request_X\":\"1\"}\n");
  record.texts[AccessRecord::headers] = {};
  CHECK(line(config, record) == "{}\n");
}

TEST_CASE("access line: header fields are kept, dropped or redacted; the stricter word wins") {
  auto config = in(config::AccessLogFormat::json);
  config.headers_kept = {"User-Agent", "X-Both"};
  config.headers_redacted = {"authorization"};
  config.headers_dropped = {"X-Both"};
  const http::Header headers[] = {
      {"user-agent", "a\"b"}, {"AUTHORIZATION", "Basic secret"}, {"X-Both", "1"}, {"Cookie", "c"}};
  std::string out;
  AccessLineWriter(config).append_headers(out, "request_", headers);
  CHECK(out == ",\"request_User-Agent\":\"a\\\"b\",\"request_Authorization\":\"REDACTED\"");
  config.headers_default = config::FieldMode::redact;
  out.clear();
  AccessLineWriter(config).append_headers(out, "downstream_", headers);
  CHECK(out.find("\"downstream_Cookie\":\"REDACTED\"") != std::string::npos);
  CHECK(out.find("X-Both") == std::string::npos);
  CHECK(out.find("secret") == std::string::npos);
}

TEST_CASE("access line: header fields of one line have a limit") {
  auto config = in(config::AccessLogFormat::json);
  config.headers_default = config::FieldMode::keep;
  std::string large(AccessLineWriter::kHeadersBytesMax / 6 - 100, '\x01');
  const http::Header headers[] = {{"A", large}, {"B", large}, {"C", "c"}};
  std::string out;
  AccessLineWriter(config).append_headers(out, "request_", headers);
  CHECK(out.size() <= AccessLineWriter::kHeadersBytesMax);
  CHECK(out.find("request_A") != std::string::npos);
  CHECK(out.find("request_B") == std::string::npos);
}

TEST_CASE("access filter: one filter that holds is enough; none set lets all pass") {
  auto config = in(config::AccessLogFormat::json);
  CHECK(AccessFilter(config).passes(200, 0, 0));
  config.filter_statuses = {{404, 404}, {500, 599}};
  CHECK_FALSE(AccessFilter(config).passes(200, 0, 0));
  CHECK(AccessFilter(config).passes(404, 0, 0));
  CHECK_FALSE(AccessFilter(config).passes(499, 0, 0));
  CHECK(AccessFilter(config).passes(500, 0, 0));
  CHECK(AccessFilter(config).passes(599, 0, 0));
  CHECK_FALSE(AccessFilter(config).passes(200, 5'000'000, 3));
  config.filter_duration_ms_min = 100;
  CHECK_FALSE(AccessFilter(config).passes(200, 99'999, 0));
  CHECK(AccessFilter(config).passes(200, 100'000, 0));
  config.filter_duration_ms_min = 0;
  config.filter_retried = true;
  CHECK(AccessFilter(config).passes(200, 0, 1));
  CHECK_FALSE(AccessFilter(config).passes(200, 0, 0));
}

TEST_CASE("access filter: a share is written, failures always") {
  auto config = in(config::AccessLogFormat::json);
  config.sample_percent = 10;
  AccessFilter filter(config);
  size_t good = 0;
  for (int i = 0; i < 100; ++i) good += filter.wants(200, 0, 0) ? 1 : 0;
  CHECK(good == 10);
  for (int i = 0; i < 5; ++i) CHECK(filter.wants(503, 0, 0));
}
