#pragma once
// Who a request says it is, and whether its password shows that.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/password_checker.h"
#include "weir/base/ip.h"
#include "weir/event/loop.h"
#include "weir/http/message.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// A worker's memory of passwords that were weighed lately, so that a hash made to be slow costs a request nothing:
/// only the first of a client waits for the PasswordChecker. Digests are remembered, no password. Owned by its Worker;
/// worker thread only.
class Authenticator {
 public:
  static constexpr uint64_t kAcceptedMs = 60'000;  // then weighed again: a file of users may have changed
  static constexpr uint64_t kRefusedMs = 5'000;
  static constexpr size_t kRememberedMax = 4096;

  /// Waits for a password to be weighed.
  class Waiter {
   public:
    void stop_weighing();

   protected:
    Waiter() = default;
    virtual ~Waiter() { stop_weighing(); }
    /// It is remembered now: look() knows. Never from within weigh().
    virtual void on_weighed() = 0;

   private:
    friend class Authenticator;
    Authenticator* authenticator_ = nullptr;  // null: waits for nothing
    std::string asked_;                       // the key of what it waits for
  };

  enum class Verdict : uint8_t { accepted, refused, unknown };

  Authenticator(event::Loop& loop, std::shared_ptr<PasswordChecker> checker);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  /// Of a basicAuth or digestAuth middleware and the request's Authorization field. `user`: the name it says, whatever
  /// the verdict.
  Verdict look(const routing::Middleware& middleware, const http::RequestHead& request, std::string& user);
  /// 32 bytes in place of what clients write: nobody can choose them, and all workers make the same.
  [[nodiscard]] std::string seal(std::string_view text) const;
  /// What WWW-Authenticate says to whom is refused.
  [[nodiscard]] std::string challenge(const routing::Middleware& middleware, const http::RequestHead& request) const;
  /// After `unknown`. False: too many passwords wait to be weighed, or too many of that client.
  bool weigh(const routing::Middleware& middleware, const http::RequestHead& request, const IpAddress& client,
             Waiter& waiter);

 private:
  struct Remembered {
    Verdict verdict;
    uint64_t until_ms;
    std::string hash;  // of digestAuth, whose every request is weighed anew: the user's in the file, "" where none
  };

  using Memory = std::unordered_map<std::string, Remembered>;
  /// In the first of them that knows; null where none does, or not any more.
  [[nodiscard]] const Remembered* remembered(const std::string& key, std::initializer_list<const Memory*> among) const;
  /// What is remembered, and what it takes to find it out.
  struct Claim {
    std::string key;
    PasswordChecker::Question question;
    std::shared_ptr<std::string> found;  // of digestAuth: takes the hash when the question is asked; else null
  };
  [[nodiscard]] std::optional<Claim> basic_claim(const routing::PasswordAuth& auth,
                                                 const http::RequestHead& request) const;
  [[nodiscard]] std::optional<Claim> digest_claim(const routing::PasswordAuth& auth,
                                                  const http::RequestHead& request) const;
  [[nodiscard]] std::optional<Claim> claim(const routing::Middleware& middleware,
                                           const http::RequestHead& request) const;
  /// `scheme`: what stands behind a colon is a password in one and a realm in the other.
  [[nodiscard]] std::string key_of(std::string_view scheme, const routing::PasswordAuth& auth,
                                   const std::string& credentials) const;
  void take(const std::string& key, bool accepted, const std::string& hash);
  void leave(Waiter& waiter);

  event::Loop& loop_;
  const std::shared_ptr<PasswordChecker> checker_;
  const std::string& secret_;  // so that a digest tells nothing to whom it leaks
  Memory accepted_;
  Memory digest_users_;  // of files: apart, for there is one for each user
  Memory refused_;       // apart: guesses do not drive out who is known
  struct Asked {
    PasswordChecker::Ticket ticket = 0;
    std::vector<Waiter*> waiters;
  };
  std::unordered_map<std::string, Asked> asked_;
  std::vector<Waiter*> telling_;  // those whose answer has come and who have not heard of it yet
};

}  // namespace weir::proxy
