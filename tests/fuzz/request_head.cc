// Heads of requests. What is accepted is accepted however it is cut, says nothing that a line or a target must not,
// and is read the same again when it is written out: the edge and its upstream see one request.

#include <algorithm>
#include <string>

#include "fuzz.h"
#include "http/h1_fields.h"
#include "http/h1_writer.h"
#include "weir/base/check.h"
#include "weir/base/text.h"
#include "weir/http/h1_parser.h"
#include "weir/http/session.h"

using namespace weir;
using namespace weir::http;

namespace {

void check_text(std::string_view text) {
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return is_field_char(c); }));
}

void check_same(const RequestHead& a, const RequestHead& b) {
  CHECK(a.method == b.method && a.method_text == b.method_text && a.target == b.target && a.authority == b.authority);
  CHECK(a.body == b.body && a.content_length == b.content_length && a.has_content_length == b.has_content_length);
  CHECK(a.upgrade == b.upgrade && a.expect_continue == b.expect_continue && a.te_trailers == b.te_trailers);
  CHECK(a.headers.size() == b.headers.size());
  for (size_t i = 0; i < a.headers.size(); ++i) {
    CHECK(a.headers[i].name == b.headers[i].name && a.headers[i].value == b.headers[i].value);
  }
}

}  // namespace

void fuzz::run(std::string_view input) {
  H1Limits limits;
  limits.pass_unknown_methods = input.size() % 2 == 1;
  limits.head_bytes_max = 4096;
  H1Parser parser(H1Parser::Kind::request);
  RequestHead head;
  // What is known of a part must hold of the whole.
  std::string_view part = input.substr(0, input.size() / 2);
  auto of_part = parser.parse_request_head(part, limits, head);
  auto taken = parser.parse_request_head(input, limits, head);
  if (of_part.outcome == ParseOutcome::invalid) CHECK(taken.outcome == ParseOutcome::invalid);
  if (of_part.outcome == ParseOutcome::complete) {
    CHECK(taken.outcome == ParseOutcome::complete && taken.consumed == of_part.consumed);
  }
  if (taken.outcome == ParseOutcome::invalid) CHECK(parser.error_status() >= 400 && parser.error_status() <= 505);
  if (taken.outcome != ParseOutcome::complete) return;

  CHECK(taken.consumed <= input.size() && input.substr(0, taken.consumed).ends_with("\r\n\r\n"));
  CHECK(head.target == "*" || (head.target.starts_with('/') && valid_origin_form(head.target)));
  CHECK(std::all_of(head.method_text.begin(), head.method_text.end(), is_token_char));
  check_text(head.authority);
  for (const Header& header : head.headers) {
    CHECK(!header.name.empty() && std::all_of(header.name.begin(), header.name.end(), is_token_char));
    CHECK(trim(header.value) == header.value);
    check_text(header.value);
  }

  HeadStorage storage;
  RequestHead kept = storage.keep(head);
  check_same(head, kept);
  if (kept.authority.empty()) return;  // of HTTP/1.0: each upstream gets its own Host
  HeadText text;
  append_request_head(text, kept);
  const std::string_view written = text.view();
  H1Limits roomier = limits;
  roomier.head_bytes_max = 16384;
  roomier.headers_max = limits.headers_max + 2;  // what the writer adds to frame the body
  H1Parser again(H1Parser::Kind::request);
  RequestHead reread;
  auto retaken = again.parse_request_head(written, roomier, reread);
  CHECK(retaken.outcome == ParseOutcome::complete && retaken.consumed == written.size());
  check_same(kept, reread);
}
