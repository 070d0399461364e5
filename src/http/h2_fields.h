#pragma once
// HTTP/2's header blocks to heads and back (RFC 9113 section 8).

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/http/message.h"
#include "weir/http/session.h"

namespace weir::http {

/// Why a block is no valid head, and what a server answers to it.
struct H2Refusal {
  uint16_t status;
  const char* message;
};

/// The fields of one header block as they are decoded. nghttp2 has checked each by itself (characters, lower case,
/// pseudo-fields and their order, connection fields, TE); here is what only the whole tells. Reused.
class H2Fields {
 public:
  void clear();
  /// Fields beyond the limits are counted, not kept. False: so far beyond that no peer means well (an HPACK bomb).
  [[nodiscard]] bool add(std::string_view name, std::string_view value, const H1Limits& limits);

  /// What the heads are made of lives until the next clear(). `ended`: no body follows.
  std::optional<H2Refusal> take_request(RequestHead& head, const H1Limits& limits, bool ended);
  [[nodiscard]] std::optional<H2Refusal> take_response(ResponseHead& head, Method request_method, bool ended);
  /// Fields that frame or route must not come late (RFC 9110 section 6.5.1): they are left out.
  std::optional<H2Refusal> take_trailers(std::vector<Header>& trailers);

 private:
  struct Place {
    uint32_t name, value, end;  // offsets in bytes_, where the field lies as HTTP/1.1 writes it: "name: value\r\n"
  };
  struct Pseudo {
    std::string_view method, scheme, authority, path, protocol, status, host;
    bool has_host = false;
  };
  static void note_pseudo(const Header& field, Pseudo& pseudo);
  std::optional<H2Refusal> sort_out(Pseudo& pseudo);
  std::optional<H2Refusal> take_target(const Pseudo& pseudo, RequestHead& head, const H1Limits& limits);

  [[nodiscard]] char* grow(size_t more);
  [[nodiscard]] std::string_view bytes() const { return {bytes_.get(), size_}; }

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t room_ = 0;
  std::vector<Place> places_;
  std::vector<Header> kept_;
  std::string cookie_;  // its crumbs, joined (section 8.2.3)
  std::string websocket_key_;
  std::optional<uint64_t> length_;
  std::string_view expect_;
  size_t decoded_bytes_ = 0;
  size_t count_ = 0;
  bool too_large_ = false;
  bool te_trailers_ = false;
  bool has_cookie_ = false;
};

/// A head as nghttp2 wants it: views into the head and into `bytes`.
struct H2Block {
  std::vector<nghttp2_nv> fields;
  std::string bytes;  // names that had to be made lower case, and numbers
  /// Makes nghttp2 copy them: it cannot be asked to write now.
  void must_copy();
};

// Each is one a thread: valid until its next call, and as long as the head's own bytes.
H2Block& h2_request_block(const RequestHead& head, std::string_view scheme);
/// `tunnel`: the answer to an extended CONNECT, for which 101 means 200.
H2Block& h2_response_block(const ResponseHead& head, bool tunnel);
H2Block& h2_trailer_block(std::span<const Header> trailers);

}  // namespace weir::http
