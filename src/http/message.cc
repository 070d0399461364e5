#include "weir/http/message.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <functional>

#include "weir/base/text.h"

namespace weir::http {

Method method_of(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "GET") return Method::get;
      return name == "PUT" ? Method::put : Method::other;
    case 4:
      if (name == "POST") return Method::post;
      return name == "HEAD" ? Method::head : Method::other;
    case 5:
      if (name == "PATCH") return Method::patch;
      return name == "TRACE" ? Method::trace : Method::other;
    case 6: return name == "DELETE" ? Method::del : Method::other;
    case 7:
      if (name == "OPTIONS") return Method::options;
      return name == "CONNECT" ? Method::connect : Method::other;
    default: return Method::other;
  }
}

std::string_view version_text(Version version) {
  switch (version) {
    case Version::http10: return "HTTP/1.0";
    case Version::http11: return "HTTP/1.1";
    case Version::http2: return "HTTP/2.0";
  }
  return {};
}

bool is_known_method(std::string_view name) {
  static constexpr std::string_view kOthers[] = {
      "ACL",
      "BASELINE-CONTROL",
      "BIND",
      "CHECKIN",
      "CHECKOUT",
      "COPY",
      "LABEL",
      "LINK",
      "LOCK",
      "M-SEARCH",
      "MERGE",
      "MKACTIVITY",
      "MKCALENDAR",
      "MKCOL",
      "MKREDIRECTREF",
      "MKWORKSPACE",
      "MOVE",
      "NOTIFY",
      "ORDERPATCH",
      "PROPFIND",
      "PROPPATCH",
      "PURGE",
      "QUERY",
      "REBIND",
      "REPORT",
      "SEARCH",
      "SUBSCRIBE",
      "UNBIND",
      "UNCHECKOUT",
      "UNLINK",
      "UNLOCK",
      "UNSUBSCRIBE",
      "UPDATE",
      "UPDATEREDIRECTREF",
      "VERSION-CONTROL",
  };
  return method_of(name) != Method::other ||
         std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers);
}

bool is_safe(Method method) {
  return method == Method::get || method == Method::head || method == Method::options || method == Method::trace;
}

bool is_idempotent(Method method) { return is_safe(method) || method == Method::put || method == Method::del; }

bool is_upgrade_asked(std::string_view asked, std::string_view given) {
  auto wanted = split_list(asked);
  auto protocols = split_list(given);
  return !protocols.empty() && std::all_of(protocols.begin(), protocols.end(), [&](std::string_view protocol) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](std::string_view one) { return equals_ignore_case(one, protocol); });
  });
}

const Header* find(std::span<const Header> headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name.size() == name.size() && equals_ignore_case(header.name, name)) return &header;
  }
  return nullptr;
}

std::string_view reason_phrase(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

std::string_view http_date() {
  thread_local std::time_t second = 0;
  thread_local char text[40];
  thread_local size_t length = 0;
  std::time_t now = std::time(nullptr);
  if (now != second) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    second = now;
  }
  return {text, length};
}

namespace {
bool lies_in(std::string_view text, std::string_view bytes) {
  return std::less_equal<>()(bytes.data(), text.data()) &&
         std::less_equal<>()(text.data() + text.size(), bytes.data() + bytes.size());
}

/// Name and value, in this order.
bool lies_in(const Header& field, std::string_view bytes) {
  return std::less_equal<>()(bytes.data(), field.name.data()) &&
         std::less_equal<>()(field.name.data(), field.value.data()) &&
         std::less_equal<>()(field.value.data() + field.value.size(), bytes.data() + bytes.size());
}
}  // namespace

RequestHead HeadStorage::keep(const RequestHead& head) {
  size_t needed = head.bytes.size();
  for (std::string_view text : {head.method_text, head.target, head.authority, head.upgrade}) needed += text.size();
  size_t outside = 0;
  for (const Header& header : head.headers) {
    if (!lies_in(header, head.bytes)) outside += header.name.size() + header.value.size();
  }
  // Grown before the first byte is put: the views must not move.
  if (bytes_.size() < needed + outside) bytes_.resize(needed + outside);
  used_ = 0;
  RequestHead copy = head;
  copy.bytes = put(head.bytes);
  // Of its own: for all the compiler knows, writing a header might change the views that these are taken from.
  auto at_same_place = [from = head.bytes.data(), to = copy.bytes.data()](std::string_view text) {
    return std::string_view(to + (text.data() - from), text.size());
  };
  auto moved = [&](std::string_view text) { return lies_in(text, head.bytes) ? at_same_place(text) : put(text); };
  headers_.resize(head.headers.size());
  Header* kept = headers_.data();
  for (const Header& header : head.headers) {
    const bool inside = outside == 0 || lies_in(header, head.bytes);
    *kept++ = inside ? Header{at_same_place(header.name), at_same_place(header.value)}
                     : Header{put(header.name), put(header.value)};
  }
  copy.method_text = moved(head.method_text);
  copy.target = moved(head.target);
  copy.authority = moved(head.authority);
  copy.upgrade = moved(head.upgrade);
  copy.headers = headers_;
  return copy;
}

std::string_view HeadStorage::put(std::string_view text) {
  char* at = bytes_.data() + used_;
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  used_ += text.size();
  return {at, text.size()};
}

}  // namespace weir::http
