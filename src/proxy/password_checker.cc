#include "proxy/password_checker.h"

#include <utility>

#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/base/thread_priority.h"

namespace weir::proxy {
namespace {

constexpr size_t kFilesMax = 64;

}  // namespace

PasswordChecker::~PasswordChecker() {
  {
    std::lock_guard held(lock_);
    stopping_ = true;
  }
  work_.notify_one();
  if (thread_.joinable()) thread_.join();
}

PasswordChecker::Ticket PasswordChecker::ask(Question question, event::Loop& loop, std::function<void(bool)> tell) {
  Ticket ticket = 0;
  {
    std::lock_guard held(lock_);
    auto line = lines_.find(question.asker);
    if (line == lines_.end()) {
      if (lines_.size() >= kAskersMax) return 0;
      line = lines_.emplace(question.asker, std::deque<Waiting>()).first;
      turn_.push_back(question.asker);
    } else if (line->second.size() >= kQuestionsOfOneMax || waiting_ >= kQuestionsMax) {
      return 0;
    }
    ticket = ++last_ticket_;
    line->second.push_back({ticket, std::move(question), &loop, std::move(tell)});
    ++waiting_;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  work_.notify_one();
  return ticket;
}

bool PasswordChecker::withdraw(Ticket ticket) {
  std::lock_guard held(lock_);
  const size_t before = waiting_;
  erase_if([&](const Waiting& one) { return one.ticket == ticket; });
  return waiting_ < before;
}

void PasswordChecker::forget(const event::Loop& loop) {
  std::lock_guard held(lock_);
  erase_if([&](const Waiting& one) { return one.loop == &loop; });
  if (current_.loop == &loop) current_.loop = nullptr;
}

void PasswordChecker::erase_if(const std::function<bool(const Waiting&)>& is_one) {
  for (auto line = lines_.begin(); line != lines_.end();) {
    waiting_ -= std::erase_if(line->second, is_one);
    if (line->second.empty()) {
      std::erase(turn_, line->first);
      line = lines_.erase(line);
    } else {
      ++line;
    }
  }
}

PasswordChecker::Waiting PasswordChecker::take_next() {
  auto line = lines_.find(turn_.front());
  turn_.pop_front();
  Waiting out = std::move(line->second.front());
  line->second.pop_front();
  --waiting_;
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    turn_.push_back(line->first);
  }
  return out;
}

void PasswordChecker::run() {
  give_way();
  std::unique_lock held(lock_);
  while (true) {
    work_.wait(held, [this] { return stopping_ || waiting_ > 0; });
    if (stopping_) return;
    current_ = take_next();
    held.unlock();
    bool accepted = weigh(current_.question);
    held.lock();
    if (current_.loop != nullptr) {
      current_.loop->post([tell = std::move(current_.tell), accepted] { tell(accepted); });
    }
    current_ = {};
  }
}

bool PasswordChecker::weigh(const Question& question) {
  std::string hash = question.hash;
  std::string decoy = question.decoy;
  if (hash.empty() && !question.file.empty()) {
    const std::vector<Credential>& users = read(question.file, question.digests).users;
    const std::string& user = question.file_user.empty() ? question.user : question.file_user;
    if (const std::string* found = hash_of(users, user)) hash = *found;
    if (decoy.empty() && !users.empty() && !question.digests) decoy = users.front().hash;
  }
  bool matches = question.matches(hash.empty() ? decoy : hash);
  return matches && !hash.empty();
}

// A file that cannot be read any more lets in whom it let in before.
const PasswordChecker::File& PasswordChecker::read(const std::string& path, bool digests) {
  if (files_.size() >= kFilesMax && files_.find({path, digests}) == files_.end()) files_.clear();
  File& file = files_[{path, digests}];
  const int64_t now_ns = SystemClock().wall_ns();
  auto stamp = stamp_of(path);
  if (stamp && file.error.empty() && *stamp == file.stamp && file.stamp_tells) return file;
  std::string error;
  auto text = read_file(path, kFileBytesMax);
  auto users = !text ? fail(text.error()) : digests ? parse_htdigest(*text) : parse_htpasswd(*text);
  if (!users) error = users.error().message;
  if (!error.empty() && error != file.error) {
    log::error("a file of users cannot be read; those of before are let in", {{"path", path}, {"error", error}});
  }
  file.error = std::move(error);
  if (!users) return file;
  const bool news = !stamp || *stamp != file.stamp;  // of one that was just written, each look is another reading
  file.stamp = stamp.value_or(FileStamp{});
  file.stamp_tells = stamp && stamp->tells(now_ns);
  file.users = std::move(*users);
  if (news) log::info("file of users read", {{"path", path}, {"users", file.users.size()}});
  return file;
}

}  // namespace weir::proxy
