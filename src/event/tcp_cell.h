#pragma once
// What lives behind a TcpStream until the end of the turn in which its socket is closed.

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "weir/event/loop.h"
#include "weir/event/poller.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"

namespace weir::event {

/// The socket and the queue of one connection. Owns itself: release() frees it and nothing else does. Its socket is in
/// the loop's poller once for all events, which come as edges: stopping and starting to read costs no system call.
struct TcpStream::Cell final : Deadline, Poller::Watcher {
  enum class State : uint8_t {
    connecting,
    open,
    lingering,  // the owner has let go; what is queued goes out, what arrives is dropped
    closing,    // the socket is closed
  };

  Cell(Loop& owner_loop, int socket, State begun) : loop(owner_loop), fd(socket), state(begun) {}

  Loop& loop;
  Observer* observer = nullptr;        // null: nobody listens any more
  std::unique_ptr<StreamLayer> layer;  // null: plain
  int fd;                              // -1: closed
  State state;
  bool watched = false;  // in the poller
  bool reading = false;
  bool readable = false;         // an edge has told of bytes or an end that may still be there
  bool peer_over = false;        // FIN or a reset has come: no edge will tell of anything more
  bool broken = false;           // a reset, or both ends: writing is over too
  bool reset_watched = false;    // not reading, and told of a reset
  bool saying_end = false;       // FIN or close follow what is being sent
  bool end_after_queue = false;  // FIN once the queue is empty
  bool fin_sent = false;
  bool failed = false;     // the observer has been told, or will be at the end of this turn
  uint8_t references = 1;  // the socket's own, and one for each task that waits for the end of this turn

  std::string queue;                    // what the kernel did not take
  size_t queue_sent = 0;                // of these it has taken some since
  std::unique_ptr<std::string> unread;  // to be read again before anything else; null almost always
  std::optional<Error> write_error;     // told when all that the peer has sent before has been read
  size_t linger_bytes_left = 0;         // undelivered at the last look: who takes nothing for a while is let go
  Addresses addresses;                  // as far as anybody has asked

  [[nodiscard]] bool usable() const { return state == State::connecting || state == State::open; }
  [[nodiscard]] size_t queued_bytes() const { return queue.size() - queue_sent; }
  [[nodiscard]] size_t undelivered_bytes() const;

  // Out.
  /// From the owner: through the layer, if there is one.
  void send(const std::array<std::string_view, 3>& pieces);
  /// To the socket.
  void send_raw(const std::array<std::string_view, 3>& pieces);
  void send_fin();
  // In.
  void start_reading();
  void stop_reading() { reading = false; }
  void watch_for_reset();
  // The beginning and the end.
  void connect(const SocketAddress& address);
  void report_failure(const Error& error);
  void linger();
  void close(bool with_reset);
  void release();

 private:
  ~Cell() override = default;
  void on_ready(uint32_t events) override;
  void on_loop_gone() override;
  void on_deadline() override;
  [[nodiscard]] bool watch();
  void finish_connecting();
  void read_socket();
  void deliver(std::span<char> bytes);
  void read_again();
  void on_read_over(int status);
  void send_queue();
  void on_write_failed(int status);
};

}  // namespace weir::event
