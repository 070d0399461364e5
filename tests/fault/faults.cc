#include "faults.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <numeric>
#include <vector>

#include "weir/base/random.h"

namespace weir::fault {
namespace {

thread_local Rates rates_now;
thread_local Random random_now{0};
thread_local Counts faults_now{};

void note(Call call) { ++faults_now[static_cast<size_t>(call)]; }

bool happens(unsigned in_a_thousand, Call call) {
  if (in_a_thousand == 0 || random_now.below(1000) >= in_a_thousand) return false;
  note(call);
  return true;
}

int fail_with(int error) {
  errno = error;
  return -1;
}

/// A connection that is reset is so in both directions, or the peer would wait for what never comes.
int reset(int fd, int error) {
  ::shutdown(fd, SHUT_RDWR);
  return fail_with(error);
}

bool is_socket(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

size_t a_few(size_t bytes) { return std::min<size_t>(bytes, 1 + random_now.below(7)); }

}  // namespace

void set(const Rates& rates, uint64_t seed) {
  rates_now = rates;
  random_now = Random(seed);
  faults_now = {};
}

const Counts& counts() { return faults_now; }
uint64_t count() { return std::accumulate(faults_now.begin(), faults_now.end(), uint64_t{0}); }

}  // namespace weir::fault

using weir::fault::a_few;
using weir::fault::Call;
using weir::fault::fail_with;
using weir::fault::happens;
using weir::fault::is_socket;
using weir::fault::note;
using weir::fault::random_now;
using weir::fault::rates_now;
using weir::fault::reset;

extern "C" {

ssize_t __real_read(int fd, void* buffer, size_t bytes);
ssize_t __real_recv(int fd, void* buffer, size_t bytes, int flags);
ssize_t __real_write(int fd, const void* buffer, size_t bytes);
ssize_t __real_send(int fd, const void* buffer, size_t bytes, int flags);
ssize_t __real_writev(int fd, const iovec* pieces, int count);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
int __real_connect(int fd, const sockaddr* address, socklen_t length);
int __real_socket(int family, int type, int protocol);
int __real_accept4(int fd, sockaddr* address, socklen_t* length, int flags);
long __real_syscall(long number, ...);
ssize_t __real_splice(int from, off64_t* from_at, int to, off64_t* to_at, size_t bytes, unsigned flags);
int __real_pipe2(int* ends, int flags);

/// Up to anywhere in any of its pieces.
static ssize_t send_part(int fd, const msghdr& message, int flags) {
  std::vector<iovec> pieces(message.msg_iov, message.msg_iov + message.msg_iovlen);
  size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  size_t left = bytes == 0 ? 0 : 1 + random_now.below(bytes);
  for (iovec& piece : pieces) {
    piece.iov_len = std::min(piece.iov_len, left);
    left -= piece.iov_len;
  }
  msghdr part = message;
  part.msg_iov = pieces.data();
  return __real_sendmsg(fd, &part, flags);
}

ssize_t __wrap_read(int fd, void* buffer, size_t bytes) {
  if (!is_socket(fd)) return __real_read(fd, buffer, bytes);  // libuv's own wake-up
  if (happens(rates_now.again, Call::recv)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::recv)) return reset(fd, ECONNRESET);
  return __real_read(fd, buffer, happens(rates_now.short_io, Call::recv) ? a_few(bytes) : bytes);
}

ssize_t __wrap_recv(int fd, void* buffer, size_t bytes, int flags) {
  if (happens(rates_now.again, Call::recv)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::recv)) return reset(fd, ECONNRESET);
  return __real_recv(fd, buffer, happens(rates_now.short_io, Call::recv) ? a_few(bytes) : bytes, flags);
}

ssize_t __wrap_write(int fd, const void* buffer, size_t bytes) {
  if (!is_socket(fd)) return __real_write(fd, buffer, bytes);
  if (happens(rates_now.again, Call::write)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::write)) return reset(fd, random_now.below(2) == 0 ? ECONNRESET : EPIPE);
  return __real_write(fd, buffer, happens(rates_now.short_io, Call::write) ? a_few(bytes) : bytes);
}

ssize_t __wrap_writev(int fd, const iovec* pieces, int count) {
  if (!is_socket(fd) || count < 1) return __real_writev(fd, pieces, count);
  if (happens(rates_now.again, Call::write)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::write)) return reset(fd, random_now.below(2) == 0 ? ECONNRESET : EPIPE);
  if (!happens(rates_now.short_io, Call::write)) return __real_writev(fd, pieces, count);
  return __real_write(fd, pieces[0].iov_base, a_few(pieces[0].iov_len));
}

ssize_t __wrap_send(int fd, const void* buffer, size_t bytes, int flags) {
  if (happens(rates_now.again, Call::send)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::send)) return reset(fd, random_now.below(2) == 0 ? ECONNRESET : EPIPE);
  return __real_send(fd, buffer, happens(rates_now.short_io, Call::send) ? a_few(bytes) : bytes, flags);
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  if (happens(rates_now.again, Call::sendmsg)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::sendmsg)) return reset(fd, EPIPE);
  if (!happens(rates_now.short_io, Call::sendmsg)) return __real_sendmsg(fd, message, flags);
  return send_part(fd, *message, flags);
}

/// How streams call recv and send (src/event/tcp_cell.cc). Takes the registers that a call may have used, as the real
/// one does.
long __wrap_syscall(long number, ...) {
  std::va_list list;
  va_start(list, number);
  long given[6];
  for (long& one : given) one = va_arg(list, long);
  va_end(list);
  auto fd = static_cast<int>(given[0]);
  auto bytes = static_cast<size_t>(given[2]);
  auto flags = static_cast<int>(given[3]);
  if (number == SYS_recvfrom) return __wrap_recv(fd, reinterpret_cast<void*>(given[1]), bytes, flags);
  if (number == SYS_sendto) return __wrap_send(fd, reinterpret_cast<const void*>(given[1]), bytes, flags);
  return __real_syscall(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

ssize_t __wrap_splice(int from, off64_t* from_at, int to, off64_t* to_at, size_t bytes, unsigned flags) {
  int socket = is_socket(from) ? from : to;
  if (happens(rates_now.again, Call::splice)) return fail_with(EAGAIN);
  if (happens(rates_now.reset, Call::splice)) return reset(socket, ECONNRESET);
  if (socket == from && happens(rates_now.again, Call::splice))
    return fail_with(EINVAL);  // as if it could not be spliced
  return __real_splice(from, from_at, to, to_at, happens(rates_now.short_io, Call::splice) ? a_few(bytes) : bytes,
                       flags);
}

int __wrap_pipe2(int* ends, int flags) {
  if (happens(rates_now.again, Call::pipe2)) return fail_with(EMFILE);
  return __real_pipe2(ends, flags);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t length) {
  static constexpr int kErrors[] = {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL};
  if (happens(rates_now.connect_fails, Call::connect)) return fail_with(kErrors[random_now.below(3)]);
  return __real_connect(fd, address, length);
}

int __wrap_socket(int family, int type, int protocol) {
  int error = family == AF_INET6 && rates_now.ipv6_error != 0 ? rates_now.ipv6_error : rates_now.socket_error;
  if (error == 0) return __real_socket(family, type, protocol);
  note(Call::socket);
  return fail_with(error);
}

int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  if (rates_now.accept_error != 0) {
    note(Call::accept4);
    return fail_with(rates_now.accept_error);
  }
  return __real_accept4(fd, address, length, flags);
}

}  // extern "C"
