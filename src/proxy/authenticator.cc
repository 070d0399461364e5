#include "proxy/authenticator.h"

#include <optional>
#include <utility>

#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::proxy {
namespace {

/// RFC 7617: what stands behind "Basic ", decoded: "user:password". Nothing where there is no such thing.
std::optional<std::string> credentials_of(const http::RequestHead& request) {
  constexpr std::string_view kScheme = "basic ";
  const http::Header* field = http::find(request.headers, "Authorization");
  if (field == nullptr || field->value.size() < kScheme.size()) return {};
  if (!equals_ignore_case(field->value.substr(0, kScheme.size()), kScheme)) return {};
  auto decoded = base64_decode(trim(field->value.substr(kScheme.size())));
  if (!decoded || decoded->find(':') == std::string::npos) return {};
  return decoded;
}

}  // namespace

Authenticator::Authenticator(event::Loop& loop, std::shared_ptr<PasswordChecker> checker)
    : loop_(loop), checker_(std::move(checker)), secret_(make_uuid() + make_uuid()) {}

Authenticator::~Authenticator() {
  checker_->forget(loop_);
  for (auto& [key, waiters] : waiting_) {
    for (Waiter* waiter : waiters) waiter->among_ = nullptr;
  }
}

void Authenticator::Waiter::stop_weighing() {
  if (auto* among = std::exchange(among_, nullptr)) std::erase(*among, this);
}

Authenticator::Verdict Authenticator::look(const routing::Middleware& middleware, const http::RequestHead& request,
                                           std::string& user) {
  auto credentials = credentials_of(request);
  if (!credentials) return Verdict::refused;
  user = credentials->substr(0, credentials->find(':'));
  std::string key = key_of(middleware.basic_auth, *credentials);
  for (auto* known : {&accepted_, &refused_}) {
    auto found = known->find(key);
    if (found != known->end() && found->second.until_ms > loop_.now_ms()) return found->second.verdict;
  }
  return Verdict::unknown;
}

bool Authenticator::weigh(const routing::Middleware& middleware, const http::RequestHead& request, Waiter& waiter) {
  auto credentials = credentials_of(request);
  if (!credentials) return false;
  const routing::BasicAuth& auth = middleware.basic_auth;
  std::string key = key_of(auth, *credentials);
  auto [waiters, first] = waiting_.try_emplace(key);
  if (first) {
    PasswordChecker::Question question;
    question.user = credentials->substr(0, credentials->find(':'));
    question.password = credentials->substr(question.user.size() + 1);
    if (const std::string* hash = hash_of(auth.users, question.user)) {
      question.hash = *hash;
    } else {
      question.file = auth.users_file;
      if (!auth.users.empty()) question.decoy = auth.users.front().hash;
    }
    if (!checker_->ask(std::move(question), loop_, [this, key](bool accepted) { take(key, accepted); })) {
      waiting_.erase(waiters);
      return false;
    }
  }
  waiters->second.push_back(&waiter);
  waiter.among_ = &waiters->second;
  return true;
}

void Authenticator::take(const std::string& key, bool accepted) {
  auto& known = accepted ? accepted_ : refused_;
  if (known.size() >= kRememberedMax) known.clear();
  known[key] = {accepted ? Verdict::accepted : Verdict::refused,
                loop_.now_ms() + (accepted ? kAcceptedMs : kRefusedMs)};
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

std::string Authenticator::key_of(const routing::BasicAuth& auth, const std::string& credentials) const {
  std::string text = secret_ + std::to_string(auth.digest) + '\0' + auth.users_file + '\0' + credentials;
  return tls::sha256(text);
}

}  // namespace weir::proxy
