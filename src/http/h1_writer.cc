#include "http/h1_writer.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace weir::http {
namespace {

/// A field that was read as "Name: value" lies in memory that way.
bool lies_as_written(const Header& field) {
  const char* value = field.value.data();
  return field.name.data() + field.name.size() + 2 == value && value[-2] == ':' && value[-1] == ' ';
}

/// Puts text into memory that was measured before: no bounds to check and no size to keep on the way.
class Pen {
 public:
  /// `room` bytes more will be written at most.
  Pen(HeadText& out, size_t room) : out_(out), at_(out.room(room)) {}
  ~Pen() { out_.end_at(at_); }
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;

  void put(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put_number(uint64_t number, int base = 10) { at_ = std::to_chars(at_, at_ + kDigitsMax, number, base).ptr; }
  void put_fields(std::span<const Header> fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      auto [name, value] = fields[i];
      if (!lies_as_written(fields[i])) {
        put(name);
        put(": ");
        put(value);
        put("\r\n");
        continue;
      }
      // Those that follow each other in memory leave together.
      const char* end = value.data() + value.size();
      while (i + 1 < fields.size() && fields[i + 1].name.data() == end + 2 && end[0] == '\r' && end[1] == '\n' &&
             lies_as_written(fields[i + 1])) {
        ++i;
        end = fields[i].value.data() + fields[i].value.size();
      }
      put({name.data(), static_cast<size_t>(end - name.data())});
      put("\r\n");
    }
  }
  static constexpr size_t kDigitsMax = 20;

 private:
  HeadText& out_;
  char* at_;
};

/// More than all fixed text and numbers of a head.
constexpr size_t kFixedBytes = 256;

size_t bytes_of(std::span<const Header> fields) {
  size_t bytes = 0;
  for (const Header& field : fields) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

}  // namespace

char* HeadText::room(size_t bytes) {
  if (capacity_ - size_ < bytes) {
    capacity_ = std::max(size_ + bytes, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
  }
  return bytes_.get() + size_;
}

HeadText& head_scratch() {
  thread_local HeadText scratch;
  scratch.clear();
  return scratch;
}

void append_request_head(HeadText& out, const RequestHead& head) {
  Pen pen(out, kFixedBytes + head.method_text.size() + head.target.size() + head.authority.size() +
                   head.upgrade.size() + bytes_of(head.headers));
  pen.put(head.method_text);
  pen.put(" ");
  pen.put(head.target);
  pen.put(" HTTP/1.1\r\nHost: ");
  pen.put(head.authority);
  pen.put("\r\n");
  pen.put_fields(head.headers);
  if (head.body == Body::unknown) {
    pen.put("Transfer-Encoding: chunked\r\n");
  } else if (head.body == Body::length || head.has_content_length) {
    pen.put("Content-Length: ");
    pen.put_number(head.content_length);
    pen.put("\r\n");
  }
  if (head.expect_continue) pen.put("Expect: 100-continue\r\n");
  if (!head.upgrade.empty()) {
    pen.put("Upgrade: ");
    pen.put(head.upgrade);
    pen.put("\r\n");
    pen.put(head.te_trailers ? "TE: trailers\r\nConnection: Upgrade, TE\r\n" : "Connection: Upgrade\r\n");
  } else if (head.te_trailers) {
    pen.put("TE: trailers\r\nConnection: TE\r\n");
  }
  pen.put("\r\n");
}

void append_response_head(HeadText& out, const ResponseHead& head, AnswerFraming framing, ConnectionField connection) {
  std::string_view reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  Pen pen(out, kFixedBytes + reason.size() + head.upgrade.size() + bytes_of(head.headers));
  pen.put("HTTP/1.1 ");
  pen.put_number(head.status);
  pen.put(" ");
  pen.put(reason);
  pen.put("\r\n");
  pen.put_fields(head.headers);
  bool may_say_length = head.status >= 200 && head.status != 204;
  if (framing == AnswerFraming::chunked) {
    pen.put("Transfer-Encoding: chunked\r\n");
  } else if (framing == AnswerFraming::empty) {
    pen.put("Content-Length: 0\r\n");
  } else if (head.content_length && may_say_length && framing != AnswerFraming::until_close) {
    pen.put("Content-Length: ");
    pen.put_number(*head.content_length);
    pen.put("\r\n");
  }
  if (!head.upgrade.empty()) {
    pen.put("Upgrade: ");
    pen.put(head.upgrade);
    pen.put(connection == ConnectionField::close ? "\r\nConnection: Upgrade, close\r\n"
                                                 : "\r\nConnection: Upgrade\r\n");
  } else if (connection == ConnectionField::close) {
    pen.put("Connection: close\r\n");
  } else if (connection == ConnectionField::keep_alive) {
    pen.put("Connection: keep-alive\r\n");
  }
  pen.put("\r\n");
}

void append_chunk_head(HeadText& out, size_t bytes) {
  Pen pen(out, Pen::kDigitsMax + 2);
  pen.put_number(bytes, 16);
  pen.put("\r\n");
}

void append_last_chunk(HeadText& out, std::span<const Header> trailers) {
  Pen pen(out, kFixedBytes + bytes_of(trailers));
  pen.put("0\r\n");
  pen.put_fields(trailers);
  pen.put("\r\n");
}

}  // namespace weir::http
