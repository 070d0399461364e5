#include "http/h1_writer.h"

#include <charconv>

namespace weir::http {
namespace {

void append_number(std::string& out, uint64_t number, int base = 10) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

}  // namespace

std::string& head_scratch() {
  thread_local std::string scratch;
  scratch.clear();
  return scratch;
}

void append_request_head(std::string& out, const RequestHead& head) {
  out.append(head.method_text);
  out += ' ';
  out.append(head.target);
  out.append(" HTTP/1.1\r\n");
  append_field(out, "Host", head.authority);
  for (const Header& header : head.headers) append_field(out, header.name, header.value);
  if (head.body == Body::unknown) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (head.body == Body::length || head.has_content_length) {
    out.append("Content-Length: ");
    append_number(out, head.content_length);
    out.append("\r\n");
  }
  if (head.expect_continue) out.append("Expect: 100-continue\r\n");
  if (!head.upgrade.empty()) {
    append_field(out, "Upgrade", head.upgrade);
    out.append(head.te_trailers ? "TE: trailers\r\nConnection: Upgrade, TE\r\n" : "Connection: Upgrade\r\n");
  } else if (head.te_trailers) {
    out.append("TE: trailers\r\nConnection: TE\r\n");
  }
  out.append("\r\n");
}

void append_response_head(std::string& out, const ResponseHead& head, AnswerFraming framing,
                          ConnectionField connection) {
  out.append("HTTP/1.1 ");
  append_number(out, head.status);
  out += ' ';
  out.append(head.reason.empty() ? reason_phrase(head.status) : head.reason);
  out.append("\r\n");
  for (const Header& header : head.headers) append_field(out, header.name, header.value);
  bool may_say_length = head.status >= 200 && head.status != 204;
  if (framing == AnswerFraming::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (head.content_length && may_say_length && framing != AnswerFraming::until_close) {
    out.append("Content-Length: ");
    append_number(out, *head.content_length);
    out.append("\r\n");
  }
  if (!head.upgrade.empty()) {
    append_field(out, "Upgrade", head.upgrade);
    out.append("Connection: Upgrade\r\n");
  } else if (connection == ConnectionField::close) {
    out.append("Connection: close\r\n");
  } else if (connection == ConnectionField::keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

void append_chunk_head(std::string& out, size_t bytes) {
  append_number(out, bytes, 16);
  out.append("\r\n");
}

void append_last_chunk(std::string& out, std::span<const Header> trailers) {
  out.append("0\r\n");
  for (const Header& header : trailers) append_field(out, header.name, header.value);
  out.append("\r\n");
}

}  // namespace weir::http
