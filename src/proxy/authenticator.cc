#include "proxy/authenticator.h"

#include <optional>
#include <utility>

#include "proxy/digest_auth.h"
#include "weir/base/subscriber.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"
#include "weir/tls/password.h"

namespace weir::proxy {
namespace {

std::string_view authorization(const http::RequestHead& request) {
  const http::Header* field = http::find(request.headers, "Authorization");
  return field != nullptr ? field->value : std::string_view();
}

/// Of digestAuth, where it answers a challenge of ours for this very request.
std::optional<DigestAnswer> digest_answer(const routing::PasswordAuth& auth, const http::RequestHead& request,
                                          const std::string& secret) {
  auto answer = parse_digest_answer(authorization(request), auth.realm);
  if (!answer || answer->uri != request.target || answer->opaque != make_opaque(secret)) return {};
  return answer;
}

/// RFC 7617: what stands behind "Basic ", decoded: "user:password". Nothing where there is no such thing.
std::optional<std::string> credentials_of(const http::RequestHead& request) {
  constexpr std::string_view kScheme = "basic ";
  const std::string_view told = authorization(request);
  if (!equals_ignore_case(told.substr(0, kScheme.size()), kScheme)) return {};
  auto decoded = base64_decode(trim(told.substr(kScheme.size())));
  if (!decoded || decoded->find(':') == std::string::npos) return {};
  return decoded;
}

}  // namespace

Authenticator::Authenticator(event::Loop& loop, std::shared_ptr<PasswordChecker> checker)
    : loop_(loop), checker_(std::move(checker)), secret_(checker_->secret()) {}

Authenticator::~Authenticator() {
  checker_->forget(loop_);
  for (auto& [key, asked] : asked_) {
    for (Waiter* waiter : asked.waiters) waiter->authenticator_ = nullptr;
  }
}

void Authenticator::Waiter::stop_weighing() {
  if (auto* authenticator = std::exchange(authenticator_, nullptr)) authenticator->leave(*this);
}

std::optional<Authenticator::Claim> Authenticator::basic_claim(const routing::PasswordAuth& auth,
                                                               const http::RequestHead& request) const {
  auto credentials = credentials_of(request);
  if (!credentials) return {};
  Claim out;
  out.key = key_of("basic", auth, *credentials);
  out.question.user = credentials->substr(0, credentials->find(':'));
  out.question.matches = [password = credentials->substr(out.question.user.size() + 1)](const std::string& hash) {
    return tls::password_matches(password, hash);
  };
  if (const std::string* hash = hash_of(auth.users, out.question.user)) {
    out.question.hash = *hash;
  } else {
    out.question.file = auth.users_file;
    if (!auth.users.empty()) out.question.decoy = auth.users.front().hash;
  }
  return out;
}

std::optional<Authenticator::Claim> Authenticator::digest_claim(const routing::PasswordAuth& auth,
                                                                const http::RequestHead& request) const {
  auto answer = digest_answer(auth, request, secret_);
  if (!answer || age_of_nonce(answer->nonce, secret_, loop_.now_ms()) != NonceAge::fresh) return {};
  Claim out;
  out.question.user = answer->user;
  const std::string user = answer->user + ":" + auth.realm;
  auto matches = [method = std::string(request.method_text), told = std::move(*answer)](const std::string& hash) {
    return digest_matches(told, method, hash);
  };
  out.key = key_of("digest", auth, user);
  const Remembered* known = remembered(out.key, {&digest_users_, &refused_});
  if (const std::string* hash = hash_of(auth.users, user)) {
    out.question.hash = *hash;
  } else if (known != nullptr) {
    out.question.hash = known->hash;
  } else if (!auth.users_file.empty()) {
    out.question.file = auth.users_file;
    out.question.file_user = user;
    out.question.digests = true;
    // Who it is, not what this request says: that is seen when its hash is known.
    out.found = std::make_shared<std::string>();
    out.question.matches = [found = out.found](const std::string& in_file) {
      *found = in_file;
      return true;
    };
    return out;
  }
  out.question.matches = std::move(matches);
  return out;
}

std::optional<Authenticator::Claim> Authenticator::claim(const routing::Middleware& middleware,
                                                         const http::RequestHead& request) const {
  const bool by_digest = middleware.type == routing::Middleware::Type::digest_auth;
  return by_digest ? digest_claim(middleware.password_auth, request) : basic_claim(middleware.password_auth, request);
}

Authenticator::Verdict Authenticator::look(const routing::Middleware& middleware, const http::RequestHead& request,
                                           std::string& user) {
  auto claimed = claim(middleware, request);
  if (!claimed) return Verdict::refused;
  const PasswordChecker::Question& question = claimed->question;
  user = question.user;
  if (middleware.type == routing::Middleware::Type::digest_auth) {
    if (claimed->found != nullptr) return Verdict::unknown;
    const bool matches = question.matches(question.hash);  // also for who is unknown, so that time does not tell
    return matches && !question.hash.empty() ? Verdict::accepted : Verdict::refused;
  }
  const Remembered* known = remembered(claimed->key, {&accepted_, &refused_});
  return known != nullptr ? known->verdict : Verdict::unknown;
}

const Authenticator::Remembered* Authenticator::remembered(const std::string& key,
                                                           std::initializer_list<const Memory*> among) const {
  for (const Memory* memory : among) {
    auto found = memory->find(key);
    if (found != memory->end() && found->second.until_ms > loop_.now_ms()) return &found->second;
  }
  return nullptr;
}

std::string Authenticator::seal(std::string_view text) const { return tls::sha256(std::string(secret_).append(text)); }

std::string Authenticator::challenge(const routing::Middleware& middleware, const http::RequestHead& request) const {
  const routing::PasswordAuth& auth = middleware.password_auth;
  const std::string realm = "realm=\"" + replace_all(replace_all(auth.realm, "\\", "\\\\"), "\"", "\\\"") + "\"";
  if (middleware.type != routing::Middleware::Type::digest_auth) return "Basic " + realm;
  std::string out = "Digest " + realm + ", nonce=\"" + make_nonce(secret_, loop_.now_ms()) + "\", opaque=\"" +
                    make_opaque(secret_) + "\", algorithm=MD5, qop=\"auth\"";
  auto answer = digest_answer(auth, request, secret_);
  if (answer && age_of_nonce(answer->nonce, secret_, loop_.now_ms()) == NonceAge::stale) out += ", stale=true";
  return out;
}

bool Authenticator::weigh(const routing::Middleware& middleware, const http::RequestHead& request,
                          const IpAddress& client, Waiter& waiter) {
  auto claimed = claim(middleware, request);
  if (!claimed) return false;
  auto [asked, is_first] = asked_.try_emplace(claimed->key);
  if (is_first) {
    PasswordChecker::Question& question = claimed->question;
    question.asker = subscriber_of(client).text();  // for whomever: how long it takes tells nobody who there is
    auto tell = [this, key = claimed->key, found = claimed->found](bool accepted) {
      take(key, accepted, accepted && found != nullptr ? *found : "");
    };
    asked->second.ticket = checker_->ask(std::move(question), loop_, std::move(tell));
    if (asked->second.ticket == 0) {
      asked_.erase(asked);
      return false;
    }
  }
  asked->second.waiters.push_back(&waiter);
  waiter.authenticator_ = this;
  waiter.asked_ = asked->first;
  return true;
}

void Authenticator::take(const std::string& key, bool accepted, const std::string& hash) {
  auto& known = !hash.empty() ? digest_users_ : accepted ? accepted_ : refused_;
  if (known.size() >= kRememberedMax) known.clear();
  known[key] = {accepted ? Verdict::accepted : Verdict::refused, loop_.now_ms() + (accepted ? kAcceptedMs : kRefusedMs),
                hash};
  auto asked = asked_.extract(key);
  if (asked.empty()) return;
  telling_ = std::move(asked.mapped().waiters);
  while (!telling_.empty()) {
    Waiter* waiter = telling_.back();
    telling_.pop_back();
    waiter->authenticator_ = nullptr;
    waiter->on_weighed();  // which may end another
  }
}

// A password that nobody waits for is not weighed: else who asks and goes would keep the others waiting.
void Authenticator::leave(Waiter& waiter) {
  std::erase(telling_, &waiter);
  auto asked = asked_.find(waiter.asked_);
  if (asked == asked_.end()) return;
  std::erase(asked->second.waiters, &waiter);
  if (asked->second.waiters.empty() && checker_->withdraw(asked->second.ticket)) asked_.erase(asked);
}

std::string Authenticator::key_of(std::string_view scheme, const routing::PasswordAuth& auth,
                                  const std::string& credentials) const {
  std::string text = secret_ + std::to_string(auth.users_hash) + '\0' + auth.users_file + '\0';
  return tls::sha256(text.append(scheme).append(1, '\0').append(credentials));
}

}  // namespace weir::proxy
