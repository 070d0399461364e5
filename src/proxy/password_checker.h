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
/// workers. ask(), withdraw() and forget(): any thread; none waits for a hash.
/// Askers take turns: who guesses waits behind himself, and others for one of his guesses at most. Where very many wait
/// each may have one question; so no few can keep the others out.
class PasswordChecker {
 public:
  static constexpr size_t kQuestionsMax = 1024;  // then one for each asker
  static constexpr size_t kQuestionsOfOneMax = 64;
  static constexpr size_t kAskersMax = 1024;
  static constexpr uint64_t kFileBytesMax = 4 << 20;

  struct Question {
    std::string asker;  // one who takes turns with others
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

  /// A question that waits; 0: none.
  using Ticket = uint64_t;
  /// Runs `tell` on the loop's thread when it is known. 0: too many wait, and `tell` is never run.
  [[nodiscard]] Ticket ask(Question question, event::Loop& loop, std::function<void(bool accepted)> tell);
  /// Nobody wants to know any more. False: it is being weighed, and will be told.
  bool withdraw(Ticket ticket);
  /// Nothing is posted to that loop from now on.
  void forget(const event::Loop& loop);
  /// What workers seal with: digests of passwords, nonces. Another in each process.
  [[nodiscard]] const std::string& secret() const { return secret_; }

 private:
  struct Waiting {
    Ticket ticket;
    Question question;
    event::Loop* loop;  // null: nobody wants to know any more
    std::function<void(bool)> tell;
  };
  using Lines = std::map<std::string, std::deque<Waiting>>;
  struct File {
    FileStamp stamp;
    bool stamp_tells = false;  // that the file is the same is seen by its stamp
    std::vector<Credential> users;
    std::string error;
  };

  void run();
  Waiting take_next();
  void erase_if(const std::function<bool(const Waiting&)>& is_one);
  bool weigh(const Question& question);
  const File& read(const std::string& path, bool digests);

  const std::string secret_ = make_uuid() + make_uuid();

  // the thread's own
  std::map<std::pair<std::string, bool>, File> files_;  // by path and whether it is htdigest's

  // shared, under the lock
  std::mutex lock_;
  std::condition_variable work_;
  Lines lines_;                   // of each asker; none is empty
  std::deque<std::string> turn_;  // the askers who have a line
  size_t waiting_ = 0;            // in all lines
  Ticket last_ticket_ = 0;
  Waiting current_ = {};
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::proxy
