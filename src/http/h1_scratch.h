#pragma once
// What a head is made of while it is parsed: one a thread, since a head is parsed and used in one go.

#include <string>
#include <string_view>
#include <vector>

#include "http/h1_fields.h"
#include "http/h1_plain_head.h"
#include "weir/http/h1_parser.h"

namespace weir::http {

struct H1Parser::Fields {
  HeadParts parts;
  std::vector<Header> kept;
  std::string rebuilt_target;  // for "http://host?query", the one form whose path is not in the input
  bool value_begun = false;
  bool too_many = false;
};

/// What the fields that frame a message or belong to one hop say.
struct H1Parser::Hop {
  ConnectionTokens connection;
  std::string_view upgrade;
  uint64_t length = 0;
  size_t lengths = 0;
  size_t encodings = 0;
  uint32_t keep_alive_s = 0;
};

}  // namespace weir::http
