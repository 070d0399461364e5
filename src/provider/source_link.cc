#include "provider/source_link.h"

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr size_t kTokenBytesMax = 16 * 1024;

}  // namespace

Result<std::vector<Url>> parse_addresses(const std::string& provider, const std::vector<std::string>& texts) {
  std::vector<Url> out;
  for (const std::string& text : texts) {
    auto url = Url::parse(text);
    if (!url) return fail(url.error().code, "provider " + provider + ": " + url.error().message);
    out.push_back(std::move(*url));
  }
  if (out.empty()) return fail(ErrorCode::invalid, "provider " + provider + " has no address");
  return out;
}

tls::ClientOptions client_options(const config::SourceTlsConfig& config) {
  tls::ClientOptions tls;
  tls.name = "provider";
  tls.server_name = config.server_name;
  tls.insecure_skip_verify = config.insecure_skip_verify;
  if (!config.ca_file.empty()) tls.root_cas.push_back(config.ca_file);
  if (!config.cert_file.empty()) {
    const std::string& key_file = config.key_file.empty() ? config.cert_file : config.key_file;
    tls.certificates.push_back({config.cert_file, key_file, ""});
  }
  return tls;
}

std::string consul_query(std::string_view datacenter, std::string_view name_space, config::Consistency consistency) {
  std::vector<std::string> parts;
  if (!datacenter.empty()) parts.push_back("dc=" + percent_encode(datacenter));
  if (!name_space.empty()) parts.push_back("ns=" + percent_encode(name_space));
  switch (consistency) {
    case config::Consistency::standard: break;
    case config::Consistency::stale: parts.emplace_back("stale="); break;
    case config::Consistency::consistent: parts.emplace_back("consistent="); break;
  }
  return join(parts, "&");
}

std::string nomad_query(std::string_view name_space, std::string_view region, bool stale) {
  std::vector<std::string> parts;
  if (!name_space.empty()) parts.push_back("namespace=" + percent_encode(name_space));
  if (!region.empty()) parts.push_back("region=" + percent_encode(region));
  if (stale) parts.emplace_back("stale=");
  return join(parts, "&");
}

// The time is read before the stamp, and that before the content.
const std::string& TokenFile::token(bool force, int64_t now_ns) {
  const auto stamp = stamp_of(path_);
  if (stamp && *stamp == stamp_ && stamp_tells_ && !force) return token_;
  auto text = read_file(path_, kTokenBytesMax);
  ++reads_;
  const std::string read = text ? std::string(trim(*text)) : "";
  // A line break inside would end the header that carries it.
  const bool usable = !read.empty() && read.find_first_of("\r\n") == std::string::npos;
  if (!usable && !failed_) {
    log::warn("token file not usable, the last token stays",
              {{"path", path_}, {"reason", text ? "empty, or more than one line" : text.error().text()}});
  }
  failed_ = !usable;
  if (usable) {
    token_ = read;
    stamp_ = stamp.value_or(FileStamp());
    stamp_tells_ = stamp && stamp->tells(now_ns);
  }
  return token_;
}

SourceLink::SourceLink(event::Loop& loop, LinkOptions options, OnMoved on_moved, OnBack on_back)
    : options_(std::move(options)),
      on_moved_(std::move(on_moved)),
      on_back_(std::move(on_back)),
      token_file_(options_.token_file),
      client_(loop, {.idle_connections_max = 96, .idle_timeout_ms = 60'000}) {
  client_.use_tls(options_.tls);
}

http::ClientRequest SourceLink::request_for(std::string_view path, std::string_view query, uint64_t timeout_ms) {
  http::ClientRequest request;
  request.url = options_.addresses[current_];
  // An address may carry a path of its own ("http://gateway/consul").
  std::string target = request.url.target.substr(0, request.url.target.find('?'));
  while (!target.empty() && target.back() == '/') target.pop_back();
  target += path;
  char separator = '?';
  for (std::string_view part : {std::string_view(options_.common_query), query}) {
    if (part.empty()) continue;
    target += separator;
    target += part;
    separator = '&';
  }
  request.url.target = std::move(target);
  const std::string& token = options_.token_file.empty() ? options_.token : token_file_.token();
  if (!token.empty()) request.headers.emplace_back(options_.token_header, token);
  request.connect_timeout_ms = kConnectTimeoutMs;
  request.timeout_ms = timeout_ms;
  request.body_bytes_max = kBodyBytesMax;
  return request;
}

std::unique_ptr<http::Call> SourceLink::get(std::string_view path, std::string_view query, uint64_t timeout_ms,
                                            http::Client::OnResponse on_response, http::Client::OnChunk on_chunk) {
  return client_.send(request_for(path, query, timeout_ms), std::move(on_response), std::move(on_chunk));
}

std::unique_ptr<http::Call> SourceLink::put(std::string_view path, std::string body, uint64_t timeout_ms,
                                            http::Client::OnResponse on_response) {
  http::ClientRequest request = request_for(path, "", timeout_ms);
  request.method = "PUT";
  request.body = std::move(body);
  return client_.send(std::move(request), std::move(on_response));
}

void SourceLink::note_success(uint64_t generation) {
  if (generation != generation_ || failures_ == 0) return;
  failures_ = 0;
  on_back_();
}

void SourceLink::note_failure(uint64_t generation, bool hang) {
  if (generation != generation_) return;  // of an address we have left already
  ++failures_;
  if (options_.addresses.size() < 2 || (failures_ < kFailuresBeforeMove && !hang)) return;
  const std::string left = address_text();
  current_ = (current_ + 1) % options_.addresses.size();
  ++generation_;
  failures_ = 0;
  log::warn("address of a source changed", {{"from", left}, {"to", address_text()}});
  on_moved_();
}

bool SourceLink::renew_token() {
  if (options_.token_file.empty()) return false;
  const std::string refused = token_file_.known();
  return token_file_.token(true) != refused;
}

std::string SourceLink::address_text() const {
  return options_.addresses[current_].scheme + "://" + options_.addresses[current_].authority();
}

}  // namespace weir::provider
