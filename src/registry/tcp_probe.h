#pragma once
// A TCP check: passes when a connection can be made.

#include <memory>
#include <string>

#include "registry/check_probe.h"
#include "weir/event/resolver.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"

namespace weir::registry {

class TcpProbe final : public CheckProbe, private event::TcpStream::Observer {
 public:
  TcpProbe(event::Loop& loop, const CheckDefinition& definition, OnResult on_result);

 private:
  void on_resolved(Result<std::vector<IpAddress>> addresses);
  void on_connected() override;
  void on_read(std::span<char>) override {}
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error& error) override;
  void finish(std::string status, std::string output);
  void fail_with(const Error& error);

  event::Loop& loop_;
  const std::string target_;  // "host:port"
  OnResult on_result_;
  uint16_t port_ = 0;
  event::Timer timer_;
  event::TcpStream stream_;
  std::unique_ptr<event::Lookup> lookup_;
};

}  // namespace weir::registry
