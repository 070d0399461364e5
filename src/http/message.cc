#include "weir/http/message.h"

#include <cstring>
#include <ctime>
#include <functional>

#include "weir/base/text.h"

namespace weir::http {

bool is_safe(Method method) {
  return method == Method::get || method == Method::head || method == Method::options || method == Method::trace;
}

bool is_idempotent(Method method) { return is_safe(method) || method == Method::put || method == Method::del; }

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
  for (const Header& header : head.headers) {
    if (!lies_in(header, head.bytes)) needed += header.name.size() + header.value.size();
  }
  // Grown before the first byte is put: the views must not move.
  if (bytes_.size() < needed) bytes_.resize(needed);
  used_ = 0;
  RequestHead copy = head;
  copy.bytes = put(head.bytes);
  auto at_same_place = [&](std::string_view text) {
    return copy.bytes.substr(static_cast<size_t>(text.data() - head.bytes.data()), text.size());
  };
  auto moved = [&](std::string_view text) { return lies_in(text, head.bytes) ? at_same_place(text) : put(text); };
  headers_.clear();
  for (const Header& header : head.headers) {
    if (lies_in(header, head.bytes)) {
      headers_.push_back({at_same_place(header.name), at_same_place(header.value)});
    } else {
      headers_.push_back({put(header.name), put(header.value)});
    }
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
