#include "proxy/parked_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proxy/entry_point.h"
#include "weir/event/loop.h"

namespace weir::proxy {

// With the list's links a block of the pool: the next size that it has is 192.
static_assert(sizeof(ParkedClient) + 2 * sizeof(void*) <= 128);

ParkedClient::ParkedClient(EntryPoint& entry_point, int fd, ClientFacts facts)
    : entry_point_(entry_point), fd_(fd), facts_(std::move(facts)) {}

ParkedClient::~ParkedClient() {
  if (fd_ >= 0) ::close(fd_);  // and is watched no more: nobody else has the socket
}

bool ParkedClient::start(uint64_t idle_ms) {
  set_deadline(entry_point_.loop(), idle_ms);
  return entry_point_.loop().idle_watch().add(fd_, *this);
}

void ParkedClient::expire_within(uint64_t idle_ms) { set_deadline(entry_point_.loop(), idle_ms); }

event::TcpStream ParkedClient::wake() {
  clear_deadline();
  entry_point_.loop().idle_watch().remove(fd_);
  return event::TcpStream::adopt(entry_point_.loop(), std::exchange(fd_, -1));
}

void ParkedClient::on_awake() {
  char byte;
  ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return entry_point_.wake(*this);
  bool spurious = got < 0 && (errno == EAGAIN || errno == EINTR);
  if (!spurious) entry_point_.remove(*this);
}

void ParkedClient::on_deadline() { entry_point_.remove(*this); }

}  // namespace weir::proxy
