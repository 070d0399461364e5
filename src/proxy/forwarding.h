#pragma once
// What the edge changes in every head on its way: its forwarded headers.

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/request_limits.h"
#include "weir/base/ip.h"
#include "weir/config/config.h"
#include "weir/http/message.h"
#include "weir/routing/table.h"

namespace weir::tls {
class Connection;
}

namespace weir::proxy {

struct EntryRedirect;

/// Whether a server that hands fields on as variables (CGI, WSGI) may read that name as the one in `lower`: it cannot
/// tell X_Real_Ip from X-Real-Ip.
[[nodiscard]] bool may_be_read_as(std::string_view name, std::string_view lower);

/// Our fields about a client, which are the same in all its requests (the port in those whose Host has none). They lie
/// beside each other in memory as they are written, so that they leave in one copy. Its views live as long as it does,
/// wherever it is moved to.
class HopFields {
 public:
  HopFields() = default;
  HopFields(std::string_view proto, uint16_t port, std::string_view client_ip);
  [[nodiscard]] const http::Header& proto() const { return fields_[0]; }
  [[nodiscard]] const http::Header& port() const { return fields_[1]; }
  [[nodiscard]] const http::Header& real_ip() const { return fields_[2]; }
  [[nodiscard]] const http::Header& forwarded_for() const {
    return fields_[3];
  }  // where nobody stands before the client

 private:
  std::unique_ptr<char[]> text_;
  std::array<http::Header, 4> fields_;
};

/// What a client connection's requests have in common: computed once when it is accepted.
struct ForwardedBy {
  HopFields fields;
  bool trusted = false;  // the peer's own X-Forwarded-* are believed
  SocketAddress client;  // by the connection, or as a trusted proxy has told
  SocketAddress local;   // what the client connected to
  // Null: plain. Lives as long as the connection's stream: to be looked at until the request has passed its
  // middlewares.
  const tls::Connection* tls = nullptr;
  std::string_view tls_version;             // "1.3"; "" where plain
  std::string_view tls_cipher;              // by its IANA name
  std::string_view tls_options;             // of the entry point
  const EntryRedirect* redirect = nullptr;  // of the entry point, if it only redirects

  [[nodiscard]] std::string_view client_ip() const { return fields.real_ip().value; }
  [[nodiscard]] std::string_view proto() const { return fields.proto().value; }  // "http"
};

/// The strings a rewritten head points into, and what its middlewares have come to so far. Reused from exchange to
/// exchange.
struct ForwardingScratch {
  std::vector<http::Header> headers;
  std::string forwarded_for;
  std::string forwarded;
  std::string via;
  std::string max_forwards;
  std::string target;
  std::string target_before;         // what the next target is made from
  std::string replaced_path;         // X-Replaced-Path
  std::string decoded_path;          // what an expression sees
  std::deque<std::string> prefixes;  // what it has stripped, once for each
  std::string location;
  std::string user;                    // who the client says it is, to the last middleware that asked
  std::deque<std::string> told_users;  // what those before have told the upstream
  std::string vary;                    // of an answer
  std::string challenge;
  std::string client_certificate;
  std::string client_certificate_info;
  std::string limit_key;                   // of rateLimit and inFlightReq
  std::string retry_after;                 // what rateLimit tells
  std::string retry_in;                    //
  std::vector<RequestLimits::Seat> seats;  // of inFlightReq, until the request has ended
  // What the servers of forwardAuth have said; fields of `headers` and of an answer point into it.
  std::deque<std::pair<const routing::Middleware*, std::vector<std::pair<std::string, std::string>>>> auth_answers;
  std::vector<http::Header> answer_headers;  // of an answer of our own
  uint32_t passed = 0;                       // of the router's middlewares, those that let the request pass
  bool wants_events = false;                 // the client asks for text/event-stream, as EventSource does
};

/// Puts into `scratch.headers` what rules see of a request and its middlewares begin with: the client's end-to-end
/// fields without those X-Forwarded-*, X-Real-Ip and Forwarded that it is not trusted with, then ours where it has told
/// none: -Proto, -Host, -Port and X-Real-Ip. So nobody chooses a router by a field that goes no further. Of
/// X-Forwarded-For and Forwarded it is what a trusted client has told, as in Traefik.
void write_forwarded_headers(const http::RequestHead& request, const ForwardedBy& by,
                             const config::ForwardingConfig& config, ForwardingScratch& scratch);

/// This hop, once a router is found: the client's address behind X-Forwarded-For and Forwarded (field.md 1.10), and a
/// forward less in Max-Forwards.
void append_hop(const http::RequestHead& request, const ForwardedBy& by, const config::ForwardingConfig& config,
                ForwardingScratch& scratch);

/// Max-Forwards, which OPTIONS and TRACE count down at each hop (RFC 9110 section 7.6.2): the status to answer with
/// here because the count has run out (or is no number), 0 where the request goes on.
[[nodiscard]] uint16_t final_recipient_status(const http::RequestHead& request);

/// Adds this hop to the Via of a head that came in `version`; nothing where `pseudonym` is "".
void append_via(std::string_view pseudonym, http::Version version, std::vector<http::Header>& headers,
                std::string& scratch);

}  // namespace weir::proxy
