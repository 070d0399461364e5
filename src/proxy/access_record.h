#pragma once
// What the access log knows of one exchange: numbers and texts, nothing formatted yet.

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::proxy {

struct AccessRecord {
  enum Text : uint8_t {
    // Copied when a line is noted: what they point into may be gone when it is formatted.
    client_host,
    method,
    authority,
    target,
    referer,
    user_agent,
    username,
    router,  // "" where none matched
    service,
    endpoint,       // its id, a URL
    endpoint_addr,  // host:port
    error,          // ProxyError's word, "" when all went well
    tls_client_subject,
    headers,  // of request and answer, ready as JSON members: `,"request_X":"y"`
    // These live as long as the log.
    entry_point,
    scheme,
    protocol,  // "HTTP/1.1"
    tls_version,
    tls_cipher,
    kTexts,
  };
  static constexpr size_t kCopied = entry_point;

  std::array<std::string_view, kTexts> texts;
  uint64_t started_us = 0;   // Loop::now_us()
  uint64_t duration_us = 0;  // to the end of the answer
  uint64_t origin_us = 0;    // from the last attempt's begin to its answer's head; 0: no answer
  uint64_t request_bytes = 0;
  uint64_t origin_bytes = 0;
  uint64_t response_bytes = 0;
  uint64_t generation = 0;     // of the routing table
  uint64_t catalog_index = 0;  // that it was made from
  uint64_t count = 0;          // requests this worker has logged or left out so far
  uint32_t retries = 0;
  uint16_t client_port = 0;
  uint16_t origin_status = 0;  // 0: no answer
  uint16_t status = 0;

  [[nodiscard]] std::string_view text(Text which) const { return texts[which]; }
};

}  // namespace weir::proxy
