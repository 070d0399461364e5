#pragma once
// Reads heads of the plainest form, the one that nearly all have, in one pass without a state machine.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "weir/http/message.h"

namespace weir::http {

struct H1Limits;

/// A head before anybody has asked what its fields mean. Views into the input.
struct HeadParts {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;
  uint16_t status = 0;
  std::string_view reason;
  uint8_t version_minor = 1;
  std::vector<Header> fields;
};

/// Reads a head from the start of `input` and returns its bytes. 0 means: not plain, or not whole; llhttp decides,
/// which is the only one who refuses. Whatever is accepted here llhttp accepts with the same parts
/// (tests/unit/http/plain_head_test.cc holds the two against each other): HTTP/1.1, a target in origin form, CRLF,
/// names of token characters, values of visible ASCII and spaces, at most one Content-Length, no Transfer-Encoding, no
/// Upgrade, within the limits.
size_t read_plain_request(std::string_view input, const H1Limits& limits, HeadParts& parts);
size_t read_plain_response(std::string_view input, const H1Limits& limits, HeadParts& parts);

}  // namespace weir::http
