#include "proxy/auth_client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "weir/base/field_name.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/http/redirect.h"

namespace weir::proxy {
namespace {

using http::Header;
using routing::ForwardAuth;

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& one) { return equals_ignore_case(one, name); });
}

/// Go's canonical form, which Traefik's expressions see: "x-auth-user" -> "X-Auth-User".
std::string canonical(std::string_view name) {
  std::string out(name);
  bool first = true;
  for (char& c : out) {
    c = first && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : first ? c : ascii_lower(c);
    first = c == '-';
  }
  return out;
}

bool is_found_by(const std::vector<routing::Regexp>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const routing::Regexp& one) { return one.matches(canonical(name)); });
}

/// What belongs to the connection with its server, or is made anew for the client's.
bool is_own(std::string_view name) {
  constexpr std::array<std::string_view, 10> kOwn = {"connection", "keep-alive", "te",   "trailer", "transfer-encoding",
                                                     "upgrade",    "date",       "host", "expect",  "content-length"};
  return std::any_of(kOwn.begin(), kOwn.end(), [&](std::string_view one) { return equals_ignore_case(one, name); });
}

std::string_view cookie_name(std::string_view set_cookie) { return trim(set_cookie.substr(0, set_cookie.find('='))); }

void set(http::HeaderFields& fields, std::string_view name, std::string_view value) {
  std::erase_if(fields, [&](const auto& field) { return equals_ignore_case(field.first, name); });
  if (!value.empty()) fields.emplace_back(name, value);
}

}  // namespace

class AuthClient::CountedCall : public http::Call {
 public:
  CountedCall(size_t& calls, std::unique_ptr<http::Call> call) : calls_(calls), call_(std::move(call)) { ++calls_; }
  ~CountedCall() override { --calls_; }
  CountedCall(const CountedCall&) = delete;
  CountedCall& operator=(const CountedCall&) = delete;
  void pause_body() override { call_->pause_body(); }
  void resume_body() override { call_->resume_body(); }

 private:
  size_t& calls_;
  const std::unique_ptr<http::Call> call_;
};

std::string auth_transport(const routing::Middleware& middleware) { return middleware.name + "@forwardAuth"; }

void AuthClient::use(std::map<std::string, tls::ClientMaterial> transports) {
  transports_.swap(transports);
  for (auto& [name, asking] : clients_) {
    auto now = transports_.find(name);
    if (now == transports_.end() || now->second == asking.material) continue;
    asking.use(now->second);
  }
  // A call under way ends without a word where its client does.
  if (calls_ == 0) std::erase_if(clients_, [&](const auto& one) { return !transports_.contains(one.first); });
}

Result<std::unique_ptr<http::Call>> AuthClient::send(const routing::Middleware& middleware, http::ClientRequest request,
                                                     http::Client::OnResponse on_response) {
  const ForwardAuth& auth = middleware.forward_auth;
  if (calls_ >= kCallsMax)
    return fail(ErrorCode::unavailable, "too many requests wait for servers that say who may pass");
  const std::string name = auth.has_own_tls() ? auth_transport(middleware) : "";
  auto transport = transports_.find(name);
  if (auth.has_own_tls() && transport == transports_.end()) {
    return fail(ErrorCode::io, "the files of its TLS cannot be read");
  }
  auto [asking, is_new] = clients_.try_emplace(name, loop_);
  if (is_new && transport != transports_.end()) asking->second.use(transport->second);
  request.timeout_ms = 0;  // the exchange's, which ends the call
  request.body_bytes_max = limit(auth.answer_bytes_max);
  return std::make_unique<CountedCall>(calls_, asking->second.client.send(std::move(request), std::move(on_response)));
}

void AuthClient::tell_failure(const routing::Middleware& middleware, const Error& error) {
  const uint64_t now_ms = loop_.now_ms();
  std::erase_if(told_ms_, [&](const auto& one) { return now_ms - one.second >= kTellEveryMs; });
  const std::string reason = middleware.name + '\n' + error.message;
  const bool is_news = told_ms_.size() < kReasonsMax && told_ms_.emplace(reason, now_ms).second;
  log::write(is_news ? log::Level::warn : log::Level::debug, "nobody passes: who is to say so cannot be asked",
             {{"middleware", middleware.name}, {"address", middleware.forward_auth.address}, {"error", error.message}});
}

http::ClientRequest auth_question(const ForwardAuth& auth, const http::RequestHead& request, std::string_view target,
                                  const ForwardedBy& by, std::span<const Header> headers) {
  http::ClientRequest question;
  question.method = auth.keeps_method ? std::string(request.method_text) : "GET";
  question.url = Url::parse(auth.address).value_or(Url());  // it was read when the middleware was made
  // As in Traefik, what the client shows counts more than what stands in the address.
  if (http::find(headers, "Authorization") != nullptr) question.url.user_info.clear();
  auto& fields = question.headers;
  for (const Header& header : headers) {
    const bool forwarded =
        equals_ignore_case(header.name.substr(0, 12), "x-forwarded-") || is_named(header.name, "x-real-ip");
    if (forwarded || auth.request_headers.empty() || is_among(auth.request_headers, header.name)) {
      fields.emplace_back(header.name, header.value);
    }
  }
  // Of what a trusted proxy has told: as it stands, where the middleware trusts it too.
  const auto tell = [&](std::string_view name, std::string_view value) {
    if (!auth.trusts_forwarded || http::find(headers, name) == nullptr) set(fields, name, value);
  };
  tell("X-Forwarded-Method", request.method_text);
  tell("X-Forwarded-Proto", by.proto());
  tell("X-Forwarded-Host", request.authority);
  tell("X-Forwarded-Uri", target);
  tell("X-Forwarded-For", by.client_ip());
  return question;
}

void take_auth_answer(const routing::Middleware& middleware, http::HeaderFields answer, ForwardingScratch& scratch) {
  const ForwardAuth& auth = middleware.forward_auth;
  const auto goes_up = [&](std::string_view name) {
    return is_among(auth.answer_headers, name) || is_found_by(middleware.patterns, name);
  };
  // What it is asked for is its to say: nobody else's word for it goes up, in no spelling that may pass for it.
  std::erase_if(scratch.headers, [&](const Header& header) {
    if (goes_up(header.name)) return true;
    if (header.name.find('_') == std::string_view::npos) return false;
    return goes_up(replace_all(std::string(header.name), "_", "-"));
  });
  const auto& [of, kept] = scratch.auth_answers.emplace_back(&middleware, std::move(answer));
  for (const auto& [name, value] : kept) {
    if (goes_up(name) && !is_own(name)) scratch.headers.push_back({name, value});
  }
  if (auth.header_field.empty()) return;
  if (auto user = http::find_header(kept, auth.header_field); !user.empty()) scratch.user = user;
}

void write_auth_refusal(const ForwardAuth& auth, const http::ClientResponse& answer, std::string& location,
                        std::vector<Header>& out) {
  const std::string_view told = answer.header("Location");
  location = told;
  const auto address = Url::parse(auth.address);
  if (auto target = address && !auth.keeps_location ? http::redirect_target(*address, answer) : ""; !target.empty()) {
    location = target.append(told.substr(std::min(told.find('#'), told.size())));
  }
  for (const auto& [name, value] : answer.headers) {
    if (is_own(name)) continue;
    out.push_back({name, equals_ignore_case(name, "location") ? std::string_view(location) : value});
  }
}

void add_auth_cookies(const routing::Middleware& middleware, const ForwardingScratch& scratch,
                      std::vector<Header>& out) {
  const auto& names = middleware.forward_auth.cookies;
  if (names.empty()) return;
  const auto is_its = [&](std::string_view name, std::string_view value) {
    const auto cookie = cookie_name(value);
    return equals_ignore_case(name, "set-cookie") && std::find(names.begin(), names.end(), cookie) != names.end();
  };
  for (const auto& [of, answer] : scratch.auth_answers) {
    if (of != &middleware) continue;
    const bool says_cookies = !http::find_header(answer, "Set-Cookie").empty();
    if (says_cookies) std::erase_if(out, [&](const Header& header) { return is_its(header.name, header.value); });
    for (const auto& [name, value] : answer) {
      if (is_its(name, value)) out.push_back({name, value});
    }
  }
}

}  // namespace weir::proxy
