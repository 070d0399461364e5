#pragma once
// Message heads as every session, H1 or later H2, gives and takes them. Views; who hands one out says how long it
// lives.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/header.h"

namespace weir::http {

using weir::Header;

enum class Method : uint8_t { get, head, post, put, patch, del, options, trace, connect, other };
/// The method of that name; `other` for what is registered and has no value of its own (WebDAV) and for the unknown.
[[nodiscard]] Method method_of(std::string_view name);
/// Whether a method is registered with IANA, or as good as.
[[nodiscard]] bool is_known_method(std::string_view name);
/// Methods whose repetition changes nothing (RFC 9110 section 9.2.1): they may be retried.
[[nodiscard]] bool is_safe(Method method);
/// The safe ones, and those that do no more when they come twice (section 9.2.2).
[[nodiscard]] bool is_idempotent(Method method);
/// Whether an answer with that status to that method can have content (RFC 9110 section 6.4.1); its fields may speak of
/// a length all the same.
[[nodiscard]] constexpr bool may_have_content(Method request_method, uint16_t status) {
  return request_method != Method::head && status >= 200 && status != 204 && status != 304;
}

enum class Version : uint8_t { http10, http11, http2 };
/// "HTTP/1.1", and "HTTP/2.0", as Traefik and nginx write it.
[[nodiscard]] std::string_view version_text(Version version);

/// How the end of a body is known.
enum class Body : uint8_t {
  none,     // there is none
  length,   // content_length bytes
  unknown,  // it ends when the sender says so (chunked, END_STREAM, close)
};

/// A request without its hop-by-hop fields: what framing and connection management need has been taken out of
/// `headers` into members, and a session that sends one writes them anew in its own protocol's way.
struct RequestHead {
  Method method = Method::get;
  std::string_view method_text;
  std::string_view target;          // origin form ("/a?b"), or "*"
  std::string_view authority;       // Host or :authority, as sent; "" only in HTTP/1.0
  std::span<const Header> headers;  // end-to-end fields in order, without Host, Content-Length and Expect
  Body body = Body::none;
  uint64_t content_length = 0;
  bool has_content_length = false;  // also "0", which a POST without a body says
  std::string_view upgrade;         // the protocol asked for ("websocket"), or ""
  bool expect_continue = false;
  bool te_trailers = false;
  bool success_is_upgrade = false;  // any 2xx would take the upgrade, as 101 does (RFC 8441 section 5)
  bool multiplexed = false;         // its connection carries others beside it
  Version version = Version::http11;
  /// The memory that most views lie in, where there is one such piece: what HeadStorage copies at once.
  std::string_view bytes;
};

struct ResponseHead {
  uint16_t status = 200;
  std::string_view reason;
  std::span<const Header> headers;  // end-to-end fields in order, without Content-Length
  Body body = Body::none;
  std::optional<uint64_t> content_length;  // also where there is no body: HEAD, 304
  std::string_view upgrade;                // with 101, and with 426: what to ask for
  uint32_t keep_alive_s = 0;               // how long the sender lets the connection idle; 0: it does not say
  Version version = Version::http11;
};

/// Whether each protocol of a 101's Upgrade stands in the request's (RFC 9110 section 7.8).
[[nodiscard]] bool is_upgrade_asked(std::string_view asked, std::string_view given);

/// The value of the first field of that name, compared without case; nullptr when absent.
[[nodiscard]] const Header* find(std::span<const Header> headers, std::string_view name);
/// "OK" for 200; "" for one we have no name for.
[[nodiscard]] std::string_view reason_phrase(uint16_t status);

/// The value of a Date field for an answer of our own. Made once a second, for each thread; valid until the next call.
[[nodiscard]] std::string_view http_date();

/// A copy of a head that outlives the read buffer. Reusable: keeps its capacity, so a pooled one allocates nothing.
class HeadStorage {
 public:
  /// The copy's views point into this storage, until the next call.
  RequestHead keep(const RequestHead& head);

 private:
  std::string_view put(std::string_view text);
  std::vector<char> bytes_;
  size_t used_ = 0;
  std::vector<Header> headers_;
};

}  // namespace weir::http
