#pragma once
// The thread that weighs passwords, so that no slow hash stops a worker.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "weir/base/file.h"
#include "weir/base/htpasswd.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"

namespace weir::proxy {

/// One thread for all workers, begun by the first question; less than theirs is its claim to the CPUs. Shared by the
/// workers. ask() and forget(): any thread; neither waits for a hash.
class PasswordChecker {
 public:
  static constexpr size_t kQuestionsMax = 256;
  static constexpr uint64_t kFileBytesMax = 4 << 20;

  struct Question {
    std::string user;
    std::function<bool(const std::string& hash)> matches;  // what is said of a password
    std::string hash;                                      // of that user; "": see `file`
    std::string file_user;                                 // what the file calls the user; "": as `user`
    std::string file;      // a file of users, read anew when it has changed; "": nobody is called so, the answer is no
    bool digests = false;  // it is htdigest's; else htpasswd's
    std::string decoy;     // weighed where there is no such user, so that time does not tell who there is
  };

  PasswordChecker() = default;
  ~PasswordChecker();
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  /// Runs `tell` on the loop's thread when it is known. False: too many wait, and `tell` is never run.
  bool ask(Question question, event::Loop& loop, std::function<void(bool accepted)> tell);
  /// Nothing is posted to that loop from now on.
  void forget(const event::Loop& loop);
  /// What workers seal with: digests of passwords, nonces. Another in each process.
  [[nodiscard]] const std::string& secret() const { return secret_; }

 private:
  struct Waiting {
    Question question;
    event::Loop* loop;  // null: nobody wants to know any more
    std::function<void(bool)> tell;
  };
  struct File {
    FileStamp stamp;
    bool stamp_tells = false;  // that the file is the same is seen by its stamp
    std::vector<Credential> users;
    std::string error;
  };

  void run();
  bool weigh(const Question& question);
  const File& read(const std::string& path, bool digests);

  const std::string secret_ = make_uuid() + make_uuid();

  // the thread's own
  std::map<std::pair<std::string, bool>, File> files_;  // by path and whether it is htdigest's

  // shared, under the lock
  std::mutex lock_;
  std::condition_variable work_;
  std::deque<Waiting> queue_;
  Waiting current_ = {};
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::proxy
