#include "peers.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "weir/base/check.h"

namespace weir::fault {
namespace {

constexpr long kClientPatienceS = 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

size_t length_of(std::string_view head) {
  size_t at = head.find("Content-Length: ");
  return at == std::string_view::npos ? 0 : std::strtoul(head.data() + at + 16, nullptr, 10);
}

}  // namespace

std::string body_for(std::string_view path) {
  size_t kibibytes = path.size() > 2 ? std::strtoul(std::string(path.substr(2)).c_str(), nullptr, 10) : 0;
  return std::string(kibibytes * 1024 + 1, path[1]);
}

PlainServer::PlainServer() {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::listen(listener_, 64) == 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

PlainServer::~PlainServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard held(lock_);
    for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

void PlainServer::accept_all() {
  for (int fd; (fd = ::accept(listener_, nullptr, nullptr)) >= 0;) {
    {
      std::lock_guard held(lock_);
      open_.push_back(fd);
    }
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void PlainServer::serve(int fd) {
  std::string got;
  char buffer[65536];
  bool going_on = true;
  while (going_on) {
    size_t head = got.find("\r\n\r\n");
    size_t whole = head == std::string::npos ? std::string::npos : head + 4 + length_of(got.substr(0, head));
    if (whole > got.size()) {
      ssize_t more = ::recv(fd, buffer, sizeof buffer, 0);
      if (more <= 0) break;
      got.append(buffer, static_cast<size_t>(more));
      continue;
    }
    std::string path = got.substr(got.find(' ') + 1);
    std::string body = body_for(path.substr(0, path.find(' ')));
    got.erase(0, whole);
    going_on = send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  std::lock_guard held(lock_);
  std::erase(open_, fd);
  ::close(fd);
}

PlainClient::PlainClient(uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
  timeval patience{kClientPatienceS, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address = loopback(port);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) drop();
}

PlainClient::~PlainClient() { drop(); }

void PlainClient::drop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool PlainClient::read_more() {
  char buffer[65536];
  ssize_t more = ::recv(fd_, buffer, sizeof buffer, 0);
  if (more <= 0) return false;
  got_.append(buffer, static_cast<size_t>(more));
  return true;
}

PlainClient::Got PlainClient::ask(std::string_view path, size_t body_bytes, bool& wrong) {
  auto broken = [&] {
    drop();
    return Got::broken;
  };
  if (fd_ < 0) return Got::broken;
  got_.clear();
  std::string request =
      std::string(body_bytes > 0 ? "POST " : "GET ") + std::string(path) + " HTTP/1.1\r\nHost: web.test\r\n";
  if (body_bytes > 0) request += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  request += "\r\n" + std::string(body_bytes, 'b');
  bool sent = send_all(fd_, request);  // an answer may come although the rest was not taken
  size_t head;
  while ((head = got_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return broken();
  }
  size_t whole = head + 4 + length_of(got_.substr(0, head));
  while (got_.size() < whole) {
    if (!read_more()) {
      wrong =
          wrong || (got_.starts_with("HTTP/1.1 200") && got_.find_first_not_of(path[1], head + 4) != std::string::npos);
      return broken();
    }
  }
  bool ok = got_.starts_with("HTTP/1.1 200 ");
  wrong = wrong || got_.size() > whole || (ok && got_.substr(head + 4) != body_for(path)) ||
          (!ok && !got_.starts_with("HTTP/1.1 50"));
  if (!sent || got_.substr(0, head).find("Connection: close") != std::string::npos) drop();
  return ok ? Got::whole : Got::refused;
}

}  // namespace weir::fault
