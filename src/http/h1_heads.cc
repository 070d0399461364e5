#include <algorithm>
#include <string>

#include "http/h1_scratch.h"
#include "weir/base/text.h"
#include "weir/http/session.h"

namespace weir::http {
namespace {

/// At first sight: a field that neither frames, nor belongs to this hop, nor passes for one of these.
bool is_plain(Known known, std::string_view name) {
  return known == Known::other && name.size() != 14 && name.size() != 17;
}

}  // namespace

// ---- Requests ----

H1Parser::Taken H1Parser::parse_request_head(std::string_view input, const H1Limits& limits, RequestHead& head) {
  limits_ = &limits;
  size_t skipped = empty_lines(input);
  input.remove_prefix(skipped);
  Taken taken = read_head(input);
  if (taken.outcome != Outcome::complete) return taken;
  const HeadParts& parts = fields().parts;
  head = RequestHead{};
  head.version = parts.version_minor == 0 ? Version::http10 : Version::http11;
  head.method = parts.method;
  head.method_text = parts.method_text;
  head.bytes = input.substr(0, taken.consumed);
  if (head.method == Method::connect) return invalid(501, "CONNECT is not served");
  if (!take_request_fields(head) || !take_request_target(head)) return {Outcome::invalid, 0};
  return {Outcome::complete, skipped + taken.consumed};
}

bool H1Parser::refuse(uint16_t status, const char* why) {
  invalid(status, why);
  return false;
}

bool H1Parser::take_request_fields(RequestHead& head) {
  Fields& f = fields();
  Hop hop;
  size_t hosts = 0;
  for (const Header& header : f.parts.fields) {
    Known known = classify(header.name);
    if (is_plain(known, header.name)) {
      f.kept.push_back(header);
      continue;
    }
    switch (known) {
      case Known::te: head.te_trailers = head.te_trailers || welcomes_trailers(header.value); break;
      case Known::host:
        ++hosts;
        head.authority = header.value;
        break;
      case Known::expect:
        if (!equals_ignore_case(header.value, "100-continue")) return refuse(417, "an expectation that is not known");
        head.expect_continue = head.version == Version::http11;
        break;
      default:
        if (!take_hop_field(known, header, hop, f.kept)) return false;
    }
  }
  if (hosts > 1) return refuse(400, "more than one Host");
  if (hosts == 0 && head.version == Version::http11) return refuse(400, "no Host");
  if (hosts == 1 && !valid_authority(head.authority)) return refuse(400, "a malformed Host");
  if (!take_framing(hop, head.version)) return false;
  head.headers = f.kept;
  head.content_length = hop.length;
  head.has_content_length = hop.lengths > 0;
  head.body = hop.encodings > 0 ? Body::unknown : hop.length > 0 ? Body::length : Body::none;
  // A client must not send content with TRACE (RFC 9110 section 9.3.8): who does means something else by it.
  if (head.method == Method::trace && head.body != Body::none) return refuse(400, "TRACE with a body");
  bool may_upgrade = hop.connection.upgrade && head.version == Version::http11 && head.body == Body::none;
  if (may_upgrade && !names_h2c(hop.upgrade)) head.upgrade = hop.upgrade;
  framing_ = hop.encodings > 0 ? Framing::chunked : Framing::length;
  return true;
}

bool H1Parser::take_request_target(RequestHead& head) {
  std::string_view target = fields().parts.target;
  if (target == "*") {
    head.target = target;
    return head.method == Method::options || refuse(400, "the target * without OPTIONS");
  }
  if (!target.starts_with('/')) return take_absolute_form(head, target);
  head.target = target;
  return valid_origin_form(target) || refuse(400, "a malformed request target");
}

// RFC 9112 section 3.2.2: its authority replaces Host.
bool H1Parser::take_absolute_form(RequestHead& head, std::string_view target) {
  size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return refuse(400, "a malformed request target");
  if (!equals_ignore_case(target.substr(0, scheme), "http") && !equals_ignore_case(target.substr(0, scheme), "https")) {
    return refuse(400, "a request target that is not http");
  }
  target.remove_prefix(scheme + 3);
  size_t path = target.find_first_of("/?#");
  head.authority = target.substr(0, path);
  if (!valid_authority(head.authority)) return refuse(400, "a malformed authority in the target");
  if (path == std::string_view::npos) {
    head.target = head.method == Method::options ? "*" : "/";  // RFC 9112 section 3.2.4
    return true;
  }
  head.target = target.substr(path);
  if (head.target[0] == '?') {
    Fields& f = fields();
    f.rebuilt_target = "/" + std::string(head.target);
    head.target = f.rebuilt_target;
  }
  return valid_origin_form(head.target) || refuse(400, "a malformed request target");
}

// ---- Answers ----

H1Parser::Taken H1Parser::parse_response_head(std::string_view input, const H1Limits& limits, Method request_method,
                                              ResponseHead& head) {
  limits_ = &limits;
  if (!input.empty() && input[0] != 'H') return invalid(502, "an answer that is not HTTP");
  Taken taken = read_head(input);
  if (taken.outcome != Outcome::complete) return taken;
  const HeadParts& parts = fields().parts;
  head = ResponseHead{};
  head.version = parts.version_minor == 0 ? Version::http10 : Version::http11;
  head.status = parts.status;
  head.reason = parts.reason;
  if (head.status < 100 || head.status > 999) return invalid(502, "an answer with a status outside 100 to 999");
  if (!std::all_of(head.reason.begin(), head.reason.end(), is_field_char)) {
    return invalid(502, "a control byte in an answer's reason");
  }
  if (!take_response_fields(head, request_method)) return {Outcome::invalid, 0};
  return taken;
}

bool H1Parser::take_response_fields(ResponseHead& head, Method request_method) {
  Fields& f = fields();
  Hop hop;
  for (const Header& header : f.parts.fields) {
    Known known = classify(header.name);
    if (is_plain(known, header.name)) {
      f.kept.push_back(header);
    } else if (!take_hop_field(known, header, hop, f.kept)) {
      return false;
    }
  }
  if (!take_framing(hop, head.version)) return false;
  head.headers = f.kept;
  if (hop.lengths > 0) head.content_length = hop.length;
  head.keep_alive_s = hop.keep_alive_s;
  if ((head.status == 101 || head.status == 426) && hop.connection.upgrade) head.upgrade = hop.upgrade;
  bool bodiless = !may_have_content(request_method, head.status);
  framing_ = hop.encodings > 0 ? Framing::chunked : head.content_length ? Framing::length : Framing::until_close;
  if (bodiless || (framing_ == Framing::length && length_left_ == 0)) {
    head.body = Body::none;
  } else {
    head.body = framing_ == Framing::length ? Body::length : Body::unknown;
  }
  if (head.body == Body::unknown && framing_ == Framing::until_close) keep_alive_ = false;
  return true;
}

// ---- Both ----

// A field that neither frames nor belongs to this hop is kept for the other side.
bool H1Parser::take_hop_field(Known known, const Header& header, Hop& hop, std::vector<Header>& kept) {
  switch (known) {
    case Known::connection: hop.connection.add(header.value); return true;
    case Known::keep_alive: hop.keep_alive_s = keep_alive_timeout_s(header.value); return true;
    case Known::for_proxies:
    case Known::te: return true;
    case Known::upgrade: hop.upgrade = header.value; return true;
    case Known::content_length: {
      auto length = parse_u64(header.value);
      if (!length) return refuse(400, "a Content-Length that is no number");
      hop.length = *length;
      ++hop.lengths;
      return true;
    }
    case Known::transfer_encoding: {
      TransferCoding coding = transfer_coding(header.value);
      if (coding == TransferCoding::broken) return refuse(400, "a Transfer-Encoding that does not end in chunked");
      if (coding == TransferCoding::unknown) return refuse(501, "a transfer coding other than chunked");
      ++hop.encodings;
      return true;
    }
    case Known::host:
    case Known::expect:
    case Known::other:
      if (passes_for_framing(header.name)) return refuse(400, "a field that passes for one that frames");
      kept.push_back(header);
      return true;
  }
  return true;
}

// RFC 9112 section 6: of two that could frame a message each is believed by somebody.
bool H1Parser::take_framing(const Hop& hop, Version version) {
  if (hop.lengths > 1) return refuse(400, "more than one Content-Length");
  if (hop.encodings > 1) return refuse(400, "more than one Transfer-Encoding");
  if (hop.encodings > 0 && hop.lengths > 0) return refuse(400, "both Content-Length and Transfer-Encoding");
  if (hop.encodings > 0 && version == Version::http10) return refuse(400, "Transfer-Encoding in HTTP/1.0");
  Fields& f = fields();
  if (hop.connection.nominates) {
    std::erase_if(f.kept, [&](const Header& header) { return is_nominated(f.parts.fields, header.name); });
  }
  keep_alive_ = version == Version::http11 ? !hop.connection.close : hop.connection.keep_alive && !hop.connection.close;
  length_left_ = hop.length;
  chunks_.begin();
  return true;
}

}  // namespace weir::http
