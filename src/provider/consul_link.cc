#include "provider/consul_link.h"

#include <sys/stat.h>

#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr size_t kTokenBytesMax = 16 * 1024;

std::string stamp_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return "";
  return std::to_string(found.st_ino) + ":" + std::to_string(found.st_size) + ":" +
         std::to_string(found.st_mtim.tv_sec) + "." + std::to_string(found.st_mtim.tv_nsec);
}

std::string common_query(const config::ConsulConfig& config) {
  std::vector<std::string> parts;
  if (!config.datacenter.empty()) parts.push_back("dc=" + percent_encode(config.datacenter));
  switch (config.consistency) {
    case config::Consistency::standard: break;
    case config::Consistency::stale: parts.emplace_back("stale="); break;
    case config::Consistency::consistent: parts.emplace_back("consistent="); break;
  }
  return join(parts, "&");
}

}  // namespace

const std::string& TokenFile::token(bool force) {
  std::string stamp = stamp_of(path_);
  if (stamp == stamp_ && !stamp.empty() && !force) return token_;
  auto text = read_file(path_, kTokenBytesMax);
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
    stamp_ = std::move(stamp);
  }
  return token_;
}

ConsulLink::ConsulLink(event::Loop& loop, const config::ConsulConfig& config, std::vector<Url> addresses,
                       OnMoved on_moved, OnBack on_back)
    : addresses_(std::move(addresses)),
      fixed_token_(config.token),
      common_query_(common_query(config)),
      on_moved_(std::move(on_moved)),
      on_back_(std::move(on_back)),
      token_file_(config.token_file),
      has_token_file_(!config.token_file.empty()),
      client_(loop, {.idle_connections_max = 96, .idle_timeout_ms = 60'000}) {}

std::unique_ptr<http::Call> ConsulLink::get(std::string_view path, std::string_view query, uint64_t timeout_ms,
                                            http::Client::OnResponse on_response) {
  http::ClientRequest request;
  request.url = addresses_[current_];
  // An address may carry a path of its own ("http://gateway/consul").
  std::string target = request.url.target.substr(0, request.url.target.find('?'));
  while (!target.empty() && target.back() == '/') target.pop_back();
  target += path;
  char separator = '?';
  for (std::string_view part : {std::string_view(common_query_), query}) {
    if (part.empty()) continue;
    target += separator;
    target += part;
    separator = '&';
  }
  request.url.target = std::move(target);
  const std::string& token = has_token_file_ ? token_file_.token() : fixed_token_;
  if (!token.empty()) request.headers.emplace_back("X-Consul-Token", token);
  request.connect_timeout_ms = kConnectTimeoutMs;
  request.timeout_ms = timeout_ms;
  request.body_bytes_max = kBodyBytesMax;
  return client_.send(std::move(request), std::move(on_response));
}

void ConsulLink::note_success(uint64_t generation) {
  if (generation != generation_ || failures_ == 0) return;
  failures_ = 0;
  on_back_();
}

void ConsulLink::note_failure(uint64_t generation, bool hang) {
  if (generation != generation_) return;  // of an address we have left already
  ++failures_;
  if (addresses_.size() < 2 || (failures_ < kFailuresBeforeMove && !hang)) return;
  const std::string left = address_text();
  current_ = (current_ + 1) % addresses_.size();
  ++generation_;
  failures_ = 0;
  log::warn("catalog address changed", {{"from", left}, {"to", address_text()}});
  on_moved_();
}

bool ConsulLink::renew_token() {
  if (!has_token_file_) return false;
  const std::string refused = token_file_.token();
  return token_file_.token(true) != refused;
}

std::string ConsulLink::address_text() const {
  return addresses_[current_].scheme + "://" + addresses_[current_].authority();
}

}  // namespace weir::provider
