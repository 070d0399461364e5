// Middlewares that ask who a client is.

#include <algorithm>
#include <utility>

#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/text.h"

namespace weir::routing {

namespace {

/// `wanted` is told where it is none.
Status take_networks(const std::string& key, const std::string& list, std::string_view wanted, std::vector<Cidr>& out) {
  for (std::string_view text : list_items(list)) {
    auto network = Cidr::parse(text);
    if (!network) return bad_option(key, wanted);
    out.push_back(*network);
  }
  return check_count(out.size(), "networks");
}

void leave_out(std::string_view user, std::vector<Credential>& from) {
  std::erase_if(from, [&](const Credential& one) { return one.user == user; });
}

/// As in Traefik, of two of one name the last counts; a user whose password is of no known form never comes in, and the
/// others do; they come last, for what an unknown user's password is weighed against should cost as much as the others'
/// do.
Status take_users(std::string_view list, std::vector<Credential>& out) {
  constexpr const char* kNeverMatches = "*";
  std::vector<Credential> unreadable;
  for (std::string_view text : list_items(list)) {
    const size_t colon = text.find(':');
    for (auto* before : {&out, &unreadable}) leave_out(text.substr(0, colon), *before);
    auto credential = parse_htpasswd_line(text);
    if (credential) {
      out.push_back(std::move(*credential));
    } else if (colon == 0 || colon == std::string_view::npos) {
      return fail(ErrorCode::invalid, "option \"users\": " + credential.error().message);
    } else {
      unreadable.push_back({std::string(text.substr(0, colon)), kNeverMatches});
    }
  }
  out.insert(out.end(), unreadable.begin(), unreadable.end());
  return {};
}

/// The parts of a name that may be asked for, in the order Traefik tells them.
struct NamePart {
  std::string_view option;
  const char* type;
};
constexpr NamePart kNameParts[] = {{"domaincomponent", "DC"},
                                   {"country", "C"},
                                   {"province", "ST"},
                                   {"locality", "L"},
                                   {"organization", "O"},
                                   {"organizationalunit", "OU"},
                                   {"serialnumber", "serialNumber"},
                                   {"commonname", "CN"}};

}  // namespace

Status compile_access_list(const Options& options, Middleware& out) {
  if (options.size() != 1) return fail(ErrorCode::invalid, "one of the options \"allow\" and \"deny\" is needed");
  const auto& [key, value] = *options.begin();
  if (key != "allow" && key != "deny") return unknown_option(key);
  out.deny = key == "deny";
  constexpr std::string_view kWanted = "a list of networks";
  if (Status taken = take_networks(key, value, kWanted, out.networks); !taken) return taken;
  if (out.networks.empty()) return bad_option(key, kWanted);
  return {};
}

Status compile_ip_allow_list(const Options& options, Middleware& out) {
  constexpr std::string_view kWanted = "a list of addresses and networks";
  out.status = 403;
  for (const auto& [key, value] : options) {
    if (key == "sourcerange") {
      if (Status taken = take_networks(key, value, kWanted, out.networks); !taken) return taken;
    } else if (key == "ipstrategy.excludedips") {
      if (Status taken = take_networks(key, value, kWanted, out.proxies); !taken) return taken;
    } else if (key == "ipstrategy.depth") {
      auto depth = parse_i64(value);
      if (!depth || *depth > static_cast<int64_t>(kMiddlewareValuesMax)) return bad_option(key, "a number of proxies");
      out.depth = static_cast<uint32_t>(std::max<int64_t>(*depth, 0));  // below 0 Traefik asks for none
    } else if (key == "rejectstatuscode") {
      auto status = parse_u64(value);
      if (status == uint64_t{0}) continue;  // as if it were not there
      if (!status || *status < 400 || *status > 599) return bad_option(key, "a status from 400 to 599");
      out.status = static_cast<uint16_t>(*status);
    } else if (key != "ipstrategy") {  // true: with none of its fields, the connection's address
      return unknown_option(key);
    }
  }
  if (out.networks.empty()) return fail(ErrorCode::invalid, "option \"sourceRange\" is missing");
  return {};
}

std::vector<std::string> unreadable_users(std::string_view list) {
  std::vector<std::string> out;
  for (std::string_view text : list_items(list)) {
    auto credential = parse_htpasswd_line(text);
    if (!credential) out.push_back(credential.error().message + "; nobody comes in by that name");
  }
  return out;
}

// RFC 7617; the realm goes into a quoted string.
Status compile_basic_auth(const Options& options, Middleware& out) {
  BasicAuth& auth = out.basic_auth;
  std::string realm = "traefik";
  for (const auto& [key, value] : options) {
    if (key == "users") {
      if (Status taken = take_users(value, auth.users); !taken) return taken;
      auth.digest = content_hash(value);
    } else if (key == "usersfile") {
      auth.users_file = value;
    } else if (key == "realm") {
      if (!value.empty()) realm = value;
    } else if (key == "removeheader") {
      if (Status taken = take_flag(key, value, auth.remove_header); !taken) return taken;
    } else if (key == "headerfield") {
      if (auto checked = check_header(value, ""); !value.empty() && !checked) return checked;
      auth.header_field = value;
    } else {
      return unknown_option(key);
    }
  }
  if (auth.users.empty() && auth.users_file.empty()) return fail(ErrorCode::invalid, "neither users nor usersFile");
  if (Status few = check_count(auth.users.size(), "users; more of them may be in a usersFile"); !few) return few;
  bool plain = std::all_of(realm.begin(), realm.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  if (!plain) return bad_option("realm", "printable text");
  auth.challenge = "Basic realm=\"" + replace_all(replace_all(realm, "\\", "\\\\"), "\"", "\\\"") + "\"";
  return {};
}

Status compile_pass_tls_client_cert(const Options& options, Middleware& out) {
  ClientCertificateFields& fields = out.client_certificate;
  const std::pair<std::string_view, bool*> flags[] = {{"pem", &fields.pem},
                                                      {"info.notbefore", &fields.not_before},
                                                      {"info.notafter", &fields.not_after},
                                                      {"info.sans", &fields.sans},
                                                      {"info.serialnumber", &fields.serial_number}};
  const std::pair<std::string_view, std::vector<std::string>*> names[] = {{"info.subject.", &fields.subject},
                                                                          {"info.issuer.", &fields.issuer}};
  Options left = options;
  auto take = [&left](const std::string& key, bool& on) -> Status {
    auto option = left.extract(key);
    return option.empty() ? Status() : take_flag(key, option.mapped(), on);
  };
  for (const auto& [key, flag] : flags) {
    if (Status taken = take(std::string(key), *flag); !taken) return taken;
  }
  for (const auto& [section, parts] : names) {
    for (const NamePart& part : kNameParts) {
      // Traefik does not tell an issuer's units.
      if (parts == &fields.issuer && part.option == "organizationalunit") continue;
      bool on = false;
      if (Status taken = take(std::string(section) + std::string(part.option), on); !taken) return taken;
      if (on) parts->emplace_back(part.type);
    }
  }
  if (!left.empty()) return unknown_option(left.begin()->first);
  if (!fields.pem && !fields.has_info())
    return fail(ErrorCode::invalid, "neither pem nor anything of info is asked for");
  return {};
}

}  // namespace weir::routing
