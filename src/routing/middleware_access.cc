// Middlewares that ask who a client is.

#include <algorithm>
#include <map>
#include <utility>

#include "routing/middleware_options.h"
#include "routing/option_list.h"
#include "weir/base/text.h"
#include "weir/base/url.h"

namespace weir::routing {

namespace {

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
  out.status = 403;
  for (const auto& [key, value] : options) {
    if (key == "sourcerange") {
      if (Status taken = take_networks(key, value, kAddressesWanted, out.networks); !taken) return taken;
    } else if (key.starts_with("ipstrategy")) {
      if (Status taken = take_ip_strategy("ipstrategy", key, value, out.ip_strategy); !taken) return taken;
    } else if (key == "rejectstatuscode") {
      auto status = parse_u64(value);
      if (status == uint64_t{0}) continue;  // as if it were not there
      if (!status || *status < 400 || *status > 599) return bad_option(key, "a status from 400 to 599");
      out.status = static_cast<uint16_t>(*status);
    } else {
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

namespace {

/// What basicAuth and digestAuth have in common: all but the form of a user.
Status compile_password_auth(const Options& options, Status (*take)(std::string_view, std::vector<Credential>&),
                             PasswordAuth& auth) {
  auth.realm = "traefik";
  for (const auto& [key, value] : options) {
    if (key == "users") {
      if (Status taken = take(value, auth.users); !taken) return taken;
      auth.users_hash = content_hash(value);
    } else if (key == "usersfile") {
      auth.users_file = value;
    } else if (key == "realm") {
      if (!value.empty()) auth.realm = value;
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
  const bool plain =
      std::all_of(auth.realm.begin(), auth.realm.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  return plain ? Status() : bad_option("realm", "printable text");
}

Status take_digest_users(std::string_view list, std::vector<Credential>& out) {
  for (std::string_view text : list_items(list)) {
    auto credential = parse_htdigest_line(text);
    if (!credential) return fail(ErrorCode::invalid, "option \"users\": " + credential.error().message);
    out.push_back(std::move(*credential));
  }
  return {};
}

}  // namespace

Status compile_basic_auth(const Options& options, Middleware& out) {
  return compile_password_auth(options, take_users, out.password_auth);
}

Status compile_digest_auth(const Options& options, Middleware& out) {
  return compile_password_auth(options, take_digest_users, out.password_auth);
}

namespace {

/// Where forwardAuth's plain options go.
struct ForwardAuthFields {
  std::map<std::string_view, std::string*> texts;
  std::map<std::string_view, bool*> flags;
  std::map<std::string_view, int64_t*> limits;
  std::map<std::string_view, std::vector<std::string>*> names;

  explicit ForwardAuthFields(ForwardAuth& auth)
      : texts{{"address", &auth.address},  {"tls.ca", &auth.ca_file},           {"tls.cert", &auth.cert_file},
              {"tls.key", &auth.key_file}, {"headerfield", &auth.header_field}, {"authsigninurl", &auth.sign_in_url}},
        flags{{"tls.insecureskipverify", &auth.skips_verify},
              {"trustforwardheader", &auth.trusts_forwarded},
              {"forwardbody", &auth.sends_body},
              {"preserverequestmethod", &auth.keeps_method},
              {"preservelocationheader", &auth.keeps_location}},
        limits{{"maxbodysize", &auth.request_bytes_max}, {"maxresponsebodysize", &auth.answer_bytes_max}},
        names{{"authrequestheaders", &auth.request_headers},
              {"authresponseheaders", &auth.answer_headers},
              {"addauthcookiestoresponse", &auth.cookies}} {}

  Status take(const std::string& key, const std::string& value) {
    if (auto text = texts.find(key); text != texts.end()) {
      *text->second = value;
    } else if (auto flag = flags.find(key); flag != flags.end()) {
      return take_flag(key, value, *flag->second);
    } else if (auto limit = limits.find(key); limit != limits.end()) {
      return take_whole(key, value, *limit->second);
    } else if (auto list = names.find(key); list != names.end()) {
      for (std::string_view name : list_items(value)) list->second->emplace_back(name);
      return check_count(list->second->size(), "names");
    } else {
      return unknown_option(key);
    }
    return {};
  }
};

}  // namespace

Status compile_forward_auth(const Options& options, Middleware& out) {
  ForwardAuth& auth = out.forward_auth;
  ForwardAuthFields fields(auth);
  for (const auto& [key, value] : options) {
    if (key == "tls") continue;  // true: with none of its fields
    if (key == "authresponseheadersregex") {
      if (value.empty()) continue;
      auto pattern = Regexp::compile(value);
      if (!pattern) return fail(pattern.error());
      out.patterns.push_back(std::move(*pattern));
    } else if (Status taken = fields.take(key, value); !taken) {
      return taken;
    }
  }
  if (auth.address.empty()) return missing_option("address");
  if (!Url::parse(auth.address) || auth.address.find("://") == std::string::npos) {
    return bad_option("address", "a URL such as http://auth:9000/check");
  }
  for (const auto* names : {&auth.request_headers, &auth.answer_headers}) {
    for (const std::string& name : *names) {
      if (Status checked = check_header(name, ""); !checked) return checked;
    }
  }
  if (auth.cert_file.empty() != auth.key_file.empty()) {
    return fail(ErrorCode::invalid, "of \"tls.cert\" and \"tls.key\" one is missing");
  }
  for (const std::string* file : {&auth.ca_file, &auth.cert_file, &auth.key_file}) {
    if (file->find("-----BEGIN") != std::string::npos) {
      return fail(ErrorCode::invalid, "tls takes names of files here, not what is in them");
    }
  }
  return check_header("Location", auth.sign_in_url);
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
