// Heads of answers, as request_head.cc.

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

AnswerFraming framing_of(const ResponseHead& head) {
  if (head.body == Body::unknown) return AnswerFraming::chunked;
  return head.body == Body::length ? AnswerFraming::length : AnswerFraming::none;
}

}  // namespace

void fuzz::run(std::string_view input) {
  H1Limits limits;
  limits.head_bytes_max = 4096;
  Method method = input.size() % 2 == 1 ? Method::head : Method::get;
  H1Parser parser(H1Parser::Kind::response);
  ResponseHead head;
  auto of_part = parser.parse_response_head(input.substr(0, input.size() / 2), limits, method, head);
  auto taken = parser.parse_response_head(input, limits, method, head);
  if (of_part.outcome == ParseOutcome::invalid) CHECK(taken.outcome == ParseOutcome::invalid);
  if (of_part.outcome == ParseOutcome::complete) {
    CHECK(taken.outcome == ParseOutcome::complete && taken.consumed == of_part.consumed);
  }
  if (taken.outcome != ParseOutcome::complete) return;

  CHECK(taken.consumed <= input.size() && input.substr(0, taken.consumed).ends_with("\r\n\r\n"));
  CHECK(head.status >= 100 && head.status <= 999);
  CHECK(std::all_of(head.reason.begin(), head.reason.end(), is_field_char));
  bool bodiless = method == Method::head || head.status < 200 || head.status == 204 || head.status == 304;
  if (bodiless) CHECK(head.body == Body::none);
  for (const Header& header : head.headers) {
    CHECK(!header.name.empty() && std::all_of(header.name.begin(), header.name.end(), is_token_char));
    CHECK(trim(header.value) == header.value);
    CHECK(std::all_of(header.value.begin(), header.value.end(), is_field_char));
  }

  HeadText text;
  append_response_head(text, head, framing_of(head), ConnectionField::absent);
  const std::string_view written = text.view();
  H1Parser again(H1Parser::Kind::response);
  std::vector<Header> fields(head.headers.begin(), head.headers.end());
  ResponseHead before = head;
  ResponseHead reread;
  H1Limits roomier = limits;
  roomier.head_bytes_max = 16384;
  roomier.headers_max = limits.headers_max + 2;  // what the writer adds to frame the body
  auto retaken = again.parse_response_head(written, roomier, method, reread);
  CHECK(retaken.outcome == ParseOutcome::complete && retaken.consumed == written.size());
  CHECK(reread.status == before.status && reread.headers.size() == fields.size());
  if (!bodiless) CHECK(reread.body == before.body && reread.content_length == before.content_length);
  for (size_t i = 0; i < fields.size(); ++i) {
    CHECK(reread.headers[i].name == fields[i].name && reread.headers[i].value == fields[i].value);
  }
}
