#pragma once

#include <cstdint>
#include <string>

/// Sockets of the bench programs. They stand alone on purpose: what Weir is measured against must not change with Weir.
/// Loopback only; a failure that makes a measurement worthless ends the program.
namespace weir::bench {

/// Prints what failed and why, and exits with 1.
[[noreturn]] void die(const std::string& what);
/// The same without errno.
[[noreturn]] void refuse(const std::string& what);

/// Nanoseconds of CLOCK_MONOTONIC.
int64_t now_ns();

/// A listening, non-blocking socket on 127.0.0.1 with a port of the kernel's choice, which is written to `port`.
int listen_loopback(uint16_t& port);

/// Starts a non-blocking connect from 127.0.0.1 to 127.0.0.1:`port`.
int connect_loopback(uint16_t port);

/// A new connection without delay of small sends, or -1 when none waits.
int accept_one(int listener);

/// Level-triggered; `what` comes back as epoll_event.data.u64.
void watch(int epoll, int fd, uint32_t events, uint64_t what);
void change_watch(int epoll, int fd, uint32_t events, uint64_t what);

/// Raises the soft limit of open files to the hard one.
void allow_many_files();

/// Ends this program when its parent ends.
void die_with_parent();

}  // namespace weir::bench
