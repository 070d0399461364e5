#include "proxy/authenticator.h"

#include <optional>
#include <utility>

#include "proxy/digest_auth.h"
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
  for (auto& [key, waiters] : waiting_) {
    for (Waiter* waiter : waiters) waiter->among_ = nullptr;
  }
}

void Authenticator::Waiter::stop_weighing() {
  if (auto* among = std::exchange(among_, nullptr)) std::erase(*among, this);
}

std::optional<Authenticator::Claim> Authenticator::basic_claim(const routing::PasswordAuth& auth,
                                                               const http::RequestHead& request) const {
  auto credentials = credentials_of(request);
  if (!credentials) return {};
  Claim out;
  out.key = key_of(auth, *credentials);
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
  out.key = key_of(auth, user);
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

bool Authenticator::weigh(const routing::Middleware& middleware, const http::RequestHead& request, Waiter& waiter) {
  auto claimed = claim(middleware, request);
  if (!claimed) return false;
  auto [waiters, first] = waiting_.try_emplace(claimed->key);
  auto tell = [this, key = claimed->key, found = claimed->found](bool accepted) {
    take(key, accepted, accepted && found != nullptr ? *found : "");
  };
  if (first && !checker_->ask(std::move(claimed->question), loop_, std::move(tell))) {
    waiting_.erase(waiters);
    return false;
  }
  waiters->second.push_back(&waiter);
  waiter.among_ = &waiters->second;
  return true;
}

void Authenticator::take(const std::string& key, bool accepted, const std::string& hash) {
  auto& known = !hash.empty() ? digest_users_ : accepted ? accepted_ : refused_;
  if (known.size() >= kRememberedMax) known.clear();
  known[key] = {accepted ? Verdict::accepted : Verdict::refused, loop_.now_ms() + (accepted ? kAcceptedMs : kRefusedMs),
                hash};
  auto waiting = waiting_.extract(key);
  if (waiting.empty()) return;
  // One that is told may end another.
  std::vector<Waiter*>& waiters = waiting.mapped();
  while (!waiters.empty()) {
    Waiter* waiter = waiters.back();
    waiter->stop_weighing();
    waiter->on_weighed();
  }
}

std::string Authenticator::key_of(const routing::PasswordAuth& auth, const std::string& credentials) const {
  std::string text = secret_ + std::to_string(auth.digest) + '\0' + auth.users_file + '\0' + credentials;
  return tls::sha256(text);
}

}  // namespace weir::proxy
