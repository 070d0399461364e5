#pragma once
// System calls of one thread that fail as told. The linker sends every read, recv, write, send, connect, socket,
// accept4, splice, pipe2 and syscall of this program, also those within libuv, to faults.cc (--wrap).

#include <array>
#include <cstdint>

namespace weir::fault {

/// How often a call goes wrong, in a thousand.
struct Rates {
  unsigned short_io = 0;       // reads and writes of a few bytes
  unsigned again = 0;          // EAGAIN for no reason; a pipe that cannot be had or used
  unsigned reset = 0;          // ECONNRESET and EPIPE
  unsigned connect_fails = 0;  // ECONNREFUSED, ENETUNREACH, EMFILE
  int accept_error = 0;        // every accept4 fails with this; 0: none does
  int socket_error = 0;        // the same of socket
  int ipv6_error = 0;          // the same of socket for IPv6
};

/// For the calling thread, from now on. Rates{}: nothing fails.
void set(const Rates& rates, uint64_t seed);
/// What can be made to go wrong.
enum class Call : uint8_t { recv, send, sendmsg, write, splice, pipe2, connect, socket, accept4 };
using Counts = std::array<uint64_t, 9>;
/// Calls of this thread that went wrong since set(): of each kind, and all.
const Counts& counts();
uint64_t count();

}  // namespace weir::fault
