#pragma once
// The way to a source: a list of addresses of which one is in use, the token, and what every request carries.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/result.h"
#include "weir/base/url.h"
#include "weir/config/config.h"
#include "weir/http/client.h"
#include "weir/tls/options.h"

namespace weir::provider {

/// A file whose content may change: vault agents and operators renew tokens in place.
class TokenFile {
 public:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}
  /// The content without white space at its ends. Reads again when the file's stamp has changed, or is too new to tell,
  /// or `force` is set. A file that cannot be read keeps the last token: it may be in the middle of being replaced.
  /// `now_ns` since 1970.
  const std::string& token(bool force = false, int64_t now_ns = SystemClock().wall_ns());
  /// As it was last read.
  [[nodiscard]] const std::string& known() const { return token_; }
  [[nodiscard]] uint64_t reads() const { return reads_; }

 private:
  const std::string path_;
  std::string token_;
  FileStamp stamp_;  // of what was read last and could be used
  bool stamp_tells_ = false;
  bool failed_ = false;  // said so in the log already
  uint64_t reads_ = 0;
};

/// How a source is reached, and what its answers are called.
struct LinkOptions {
  std::vector<Url> addresses;  // tried in order; not empty
  std::string token;
  std::string token_file;                       // in its place where it is not ""
  std::string token_header = "X-Consul-Token";  // of requests
  std::string index_header = "X-Consul-Index";  // of answers
  std::string common_query;                     // of every request: "dc=dc2&stale=", ""
  tls::ClientOptions tls;                       // of https addresses
};

/// An error names `provider` and what is wrong with its addresses.
Result<std::vector<Url>> parse_addresses(const std::string& provider, const std::vector<std::string>& texts);
tls::ClientOptions client_options(const config::SourceTlsConfig& config);
/// What Consul, or Nomad, is asked with every request.
std::string consul_query(std::string_view datacenter, std::string_view name_space, config::Consistency consistency);
std::string nomad_query(std::string_view name_space, std::string_view region, bool stale);

/// Sends requests to the address in use. Owned by a provider; loop's thread.
/// Two failures in a row, from whichever queries, move to the next address: one may be an answer's own trouble. A hang
/// moves at once, since it took a whole deadline to be seen. Indexes differ between servers, so whoever asks must
/// forget its index when generation() has grown; `on_moved` tells.
class SourceLink {
 public:
  using OnMoved = std::function<void()>;
  using OnBack = std::function<void()>;

  /// `on_back`: the address in use answers again after failures.
  SourceLink(event::Loop& loop, LinkOptions options, OnMoved on_moved, OnBack on_back);

  /// `path` begins with "/v1/"; `query` is "" or "index=5&wait=60000ms". A `timeout_ms` of 0: the answer has no end.
  /// Who gives `on_chunk` gets the body in pieces as they come, and limits it.
  [[nodiscard]] std::unique_ptr<http::Call> get(std::string_view path, std::string_view query, uint64_t timeout_ms,
                                                http::Client::OnResponse on_response,
                                                http::Client::OnChunk on_chunk = {});

  /// A PUT of the same.
  [[nodiscard]] std::unique_ptr<http::Call> put(std::string_view path, std::string body, uint64_t timeout_ms,
                                                http::Client::OnResponse on_response);

  /// May call on_back from within.
  void note_success(uint64_t generation);
  /// May call on_moved from within.
  void note_failure(uint64_t generation, bool hang);
  /// After a 403: whether there is another token now than the one that was refused.
  bool renew_token();

  [[nodiscard]] const std::string& index_header() const { return options_.index_header; }
  [[nodiscard]] uint64_t generation() const { return generation_; }
  [[nodiscard]] std::string address_text() const;

 private:
  [[nodiscard]] http::ClientRequest request_for(std::string_view path, std::string_view query, uint64_t timeout_ms);

  static constexpr uint32_t kFailuresBeforeMove = 2;
  static constexpr uint64_t kConnectTimeoutMs = 2'000;
  static constexpr size_t kBodyBytesMax = 64 * 1024 * 1024;

  // constant after construction
  const LinkOptions options_;
  const OnMoved on_moved_;
  const OnBack on_back_;
  // loop's thread
  TokenFile token_file_;
  http::Client client_;
  size_t current_ = 0;
  uint64_t generation_ = 1;
  uint32_t failures_ = 0;  // in a row, since the last success or move
};

}  // namespace weir::provider
