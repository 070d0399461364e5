#include "registry/tcp_probe.h"

#include "weir/base/host_port.h"
#include "weir/base/text.h"

namespace weir::registry {

TcpProbe::TcpProbe(event::Loop& loop, const CheckDefinition& definition, OnResult on_result)
    : loop_(loop),
      target_(definition.tcp),
      on_result_(std::move(on_result)),
      timer_(loop, [this] { finish(kCritical, "dial tcp " + target_ + ": i/o timeout"); }) {
  timer_.start_once(timeout_ms(definition));
  const HostPort target = split_host_port(target_);
  const uint64_t port = parse_u64(target.port).value_or(0);
  const std::string host(without_brackets(target.host));
  // An address without a port resolves to nothing that can be connected to; port 0 is refused the same way.
  port_ = port <= 65535 ? static_cast<uint16_t>(port) : uint16_t{0};
  lookup_ = std::make_unique<event::Lookup>(loop, host.empty() ? "127.0.0.1" : host,
                                            [this](auto addresses) { on_resolved(std::move(addresses)); });
}

void TcpProbe::on_resolved(Result<std::vector<IpAddress>> addresses) {
  if (!addresses) return fail_with(addresses.error());
  if (port_ == 0) return finish(kCritical, "dial tcp: address " + target_ + ": missing port in address");
  if (addresses->empty()) return finish(kCritical, "dial tcp: lookup " + target_ + ": no such host");
  stream_ = event::TcpStream::connect(loop_, SocketAddress{addresses->front(), port_}, *this);
}

void TcpProbe::on_connected() { finish(kPassing, "TCP connect " + target_ + ": Success"); }

void TcpProbe::on_failed(const Error& error) { fail_with(error); }

void TcpProbe::fail_with(const Error& error) {
  std::string why = error.code == ErrorCode::refused ? "connect: connection refused" : error.message;
  finish(kCritical, "dial tcp " + target_ + ": " + why);
}

// May destroy this.
void TcpProbe::finish(std::string status, std::string output) {
  timer_.stop();
  if (stream_.open()) stream_.reset();
  on_result_({std::move(status), std::move(output)});
}

}  // namespace weir::registry
