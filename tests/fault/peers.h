#pragma once
// A client and a server of plain blocking sockets, each on threads of its own, where no system call is made to fail.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::fault {

/// Answers each request with its path as the body, `path` times a number in it: "/x7" gets 7 KiB of x. A request body
/// is read and thrown away. Destroying it closes everything and waits for its threads.
class PlainServer {
 public:
  PlainServer();
  ~PlainServer();
  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  void accept_all();
  void serve(int fd);

  int listener_ = -1;
  uint16_t port_ = 0;
  std::mutex lock_;
  std::vector<int> open_;             // under the lock
  std::vector<std::thread> threads_;  // of accept_all() alone until it has ended
  std::thread acceptor_;
};

/// What a client of PlainServer must get for "/x7".
std::string body_for(std::string_view path);

/// One connection to the edge; reads with a deadline, so that a stuck connection fails a test and hangs none.
class PlainClient {
 public:
  enum class Got { whole, refused, broken };  // the answer as it must be; a 5xx of the edge's; a connection cut
  explicit PlainClient(uint16_t port);
  ~PlainClient();
  /// One request with a body of so many bytes, and its answer. `wrong` is set where bytes came that must not.
  Got ask(std::string_view path, size_t body_bytes, bool& wrong);
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  bool read_more();
  void drop();

  int fd_ = -1;
  std::string got_;
};

}  // namespace weir::fault
