// What the plain reader accepts llhttp accepts with the same parts, whatever is done to a head; and it accepts the
// heads that clients and servers send, or it would be of no use.

#include "http/h1_plain_head.h"

#include <llhttp.h>

#include <string>
#include <vector>

#include "catch.h"
#include "http/h1_fields.h"
#include "weir/base/random.h"
#include "weir/http/session.h"

using namespace weir;
using namespace weir::http;

namespace {

/// A head as llhttp alone sees it.
struct Reference {
  std::string target, reason, method;
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  bool in_value = true;
  size_t bytes = 0;  // 0: refused, or not whole

  explicit Reference(std::string_view input, llhttp_type_t type) {
    static const llhttp_settings_t settings = make();
    llhttp_t parser;
    llhttp_init(&parser, type, &settings);
    parser.data = this;
    if (llhttp_execute(&parser, input.data(), input.size()) != HPE_PAUSED) return;
    if (parser.http_major != 1 || parser.http_minor != 1) return;
    bytes = static_cast<size_t>(llhttp_get_error_pos(&parser) - input.data());
    status = parser.status_code;
    if (type == HTTP_REQUEST) method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
  }

 private:
  static Reference& self(llhttp_t* parser) { return *static_cast<Reference*>(parser->data); }
  static llhttp_settings_t make() {
    llhttp_settings_t out{};
    out.on_url = [](llhttp_t* p, const char* at, size_t size) {
      self(p).target.append(at, size);
      return 0;
    };
    out.on_status = [](llhttp_t* p, const char* at, size_t size) {
      self(p).reason.append(at, size);
      return 0;
    };
    out.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
      Reference& r = self(p);
      if (r.in_value) r.fields.emplace_back();
      r.in_value = false;
      r.fields.back().first.append(at, size);
      return 0;
    };
    out.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
      self(p).in_value = true;
      self(p).fields.back().second.append(at, size);
      return 0;
    };
    out.on_header_value_complete = [](llhttp_t* p) {
      self(p).in_value = true;
      return 0;
    };
    out.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
    return out;
  }
};

const std::vector<std::string> kRequests = {
    "GET /some/path?x=1&y=%20 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    "Accept: text/html,*/*;q=0.8\r\nConnection: keep-alive\r\nCookie: a=b; c=\"d\"\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "DELETE /a HTTP/1.1\r\nhost:b\r\n\r\n", "OPTIONS /x~y HTTP/1.1\r\nHOST: B\r\nX-_!#$%&'*+.^`|~: {}[]\\\"<>\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n"};
const std::vector<std::string> kResponses = {
    "HTTP/1.1 200 OK\r\nServer: x/1\r\nDate: Sat, 21 Nov 2026 06:32:00 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 100\r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length:0\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nETag: W/\"1\"\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n"};

void check_agrees(const std::string& input, bool request) {
  H1Limits limits;
  HeadParts parts;
  size_t bytes = request ? read_plain_request(input, limits, parts) : read_plain_response(input, limits, parts);
  if (bytes == 0) return;
  Reference reference(input, request ? HTTP_REQUEST : HTTP_RESPONSE);
  INFO(input);
  REQUIRE(reference.bytes == bytes);
  CHECK(reference.target == parts.target);
  CHECK(reference.reason == parts.reason);
  if (request) CHECK(reference.method == parts.method_text);
  CHECK(reference.status == parts.status);
  REQUIRE(reference.fields.size() == parts.fields.size());
  for (size_t i = 0; i < parts.fields.size(); ++i) {
    CHECK(reference.fields[i].first == parts.fields[i].name);
    CHECK(reference.fields[i].second == parts.fields[i].value);
  }
}

std::string mutated(std::string head, const std::string& other, Random& random) {
  static const std::string kSpice = std::string("\r\n\r\n \t:,;\0#?%/\x7f\x80\xff\v", 18) + "0aZ-";
  for (uint64_t times = 1 + random.below(3); times > 0; --times) {
    size_t at = random.below(head.size());
    char spice = kSpice[random.below(kSpice.size())];
    switch (random.below(6)) {
      case 0: head[at] = spice; break;
      case 1: head.insert(at, 1, spice); break;
      case 2: head.erase(at, 1 + random.below(3)); break;
      case 3: head[at] = static_cast<char>(random.below(256)); break;
      case 4: head.insert(at, other.substr(random.below(other.size()), random.below(30))); break;
      case 5: {
        static const std::vector<std::string> kLines = {"Transfer-Encoding: chunked\r\n",
                                                        "Content-Length: 7\r\n",
                                                        "Upgrade: websocket\r\n",
                                                        "Content-Length: +7\r\n",
                                                        "Content-Length: 99999999999999999999\r\n",
                                                        "A: b\r\n c\r\n"};
        if (size_t line = head.find("\r\n", at); line != std::string::npos) {
          head.insert(line + 2, kLines[random.below(kLines.size())]);
        }
        break;
      }
    }
    if (head.empty()) head = other;
  }
  return head;
}

}  // namespace

TEST_CASE("plain head: the heads that clients and servers send are plain") {
  H1Limits limits;
  HeadParts parts;
  for (const std::string& head : kRequests) {
    INFO(head);
    CHECK(read_plain_request(head, limits, parts) == head.find("\r\n\r\n") + 4);
    check_agrees(head, true);
  }
  for (const std::string& head : kResponses) {
    INFO(head);
    CHECK(read_plain_response(head, limits, parts) == head.find("\r\n\r\n") + 4);
    check_agrees(head, false);
  }
}

TEST_CASE("plain head: what frames, folds, tabs, is cut or passes a limit is left to llhttp") {
  H1Limits limits;
  HeadParts parts;
  for (const char* head :
       {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", "GET /\x80 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\nUPGRADE: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r", "GET http://a/ HTTP/1.1\r\n\r\n", "GET /#a HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a \r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "get / HTTP/1.1\r\n\r\n", ""}) {
    INFO(head);
    CHECK(read_plain_request(head, limits, parts) == 0);
  }
  std::string head = kRequests[0];
  limits.head_bytes_max = head.size();
  CHECK(read_plain_request(head, limits, parts) == head.size());
  limits.head_bytes_max = head.size() - 1;
  CHECK(read_plain_request(head, limits, parts) == 0);
  limits = {.headers_max = 5};
  CHECK(read_plain_request(head, limits, parts) == head.size());
  limits = {.headers_max = 4};
  CHECK(read_plain_request(head, limits, parts) == 0);
  limits = {.target_bytes_max = 20};
  CHECK(read_plain_request(head, limits, parts) == head.size());
  limits = {.target_bytes_max = 19};
  CHECK(read_plain_request(head, limits, parts) == 0);
}

TEST_CASE("plain head: whatever is done to a head, llhttp agrees with what is accepted") {
  Random random(2026'11'21);
  for (int round = 0; round < 100'000; ++round) {
    bool request = random.below(2) == 0;
    const auto& heads = request ? kRequests : kResponses;
    const std::string& head = heads[random.below(heads.size())];
    check_agrees(mutated(head, heads[random.below(heads.size())], random), request);
  }
}

TEST_CASE("plain head: a target is judged alike wherever in it a byte stands") {
  for (size_t size : {1, 2, 15, 16, 17, 31, 32, 33, 50}) {
    std::string target(size, 'a');
    target[0] = '/';
    CHECK(valid_origin_form(target));
    for (size_t at = 1; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        if (c == '%') continue;  // an escape, below
        std::string other = target;
        other[at] = static_cast<char>(c);
        if (valid_origin_form(other) != (c > ' ' && c < 0x7f && c != '#')) FAIL(size << " " << at << " " << c);
      }
    }
  }
  for (std::string_view bad : {"/%", "/a%4", "/%zz", "/a%00", "/aaaaaaaaaaaaaaaaaaa%0", "/%41%0"})
    CHECK_FALSE(valid_origin_form(bad));
  for (std::string_view good : {"/%41", "/a?%", "/%41?%00"}) CHECK(valid_origin_form(good));
}
