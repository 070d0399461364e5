#pragma once
// Bytes that go from one socket to another without coming to this process.

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace weir::event {

/// A pipe of the kernel's that splice(2) fills from one socket and empties into another: what lies in it are references
/// to what the network card has written. Owned by the PipePool, or by the TcpStream whose peer has no room for it yet.
/// Loop's thread.
class Pipe {
 public:
  /// Asked of the kernel, which may give less: how much one call moves.
  static constexpr size_t kBytes = 256 * 1024;

  /// Null: the system has no descriptors or no memory to spare.
  [[nodiscard]] static std::unique_ptr<Pipe> open();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  /// Bytes in it.
  [[nodiscard]] size_t size() const { return size_; }
  /// From a socket, when empty: what recv(2) would return, or a negative errno.
  [[nodiscard]] ssize_t fill(int socket, size_t bytes_max);
  /// To a socket: what send(2) would return, or a negative errno.
  [[nodiscard]] ssize_t drain(int socket);
  /// Takes all bytes out, by a copy: for whoever cannot pass them on.
  [[nodiscard]] std::string text();

 private:
  Pipe(int read_end, int write_end) : read_end_(read_end), write_end_(write_end) {}

  const int read_end_;
  const int write_end_;
  size_t size_ = 0;
};

/// The pipes of a loop: one that its streams read through, as they read through its read buffer, and a few empty ones.
class PipePool {
 public:
  static constexpr size_t kSpareMax = 16;
  /// With bytes that wait: two descriptors each, and all the pages that Linux lets one user have in pipes by default.
  static constexpr size_t kKeptMax = 256;

  /// The one to read through, empty. Null: there is none to be had, and bytes must be copied.
  [[nodiscard]] Pipe* for_reading();
  /// It is kept by whoever has to wait with its bytes, until it is given back, with or without them.
  [[nodiscard]] std::unique_ptr<Pipe> keep();
  void give_back(std::unique_ptr<Pipe> pipe);

 private:
  std::unique_ptr<Pipe> reading_;
  std::vector<std::unique_ptr<Pipe>> spare_;
  size_t kept_ = 0;
};

}  // namespace weir::event
