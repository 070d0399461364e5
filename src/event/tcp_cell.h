#pragma once
// What lives behind a TcpStream until its socket is closed.

#include <uv.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "weir/event/idle_watch.h"
#include "weir/event/loop.h"
#include "weir/event/pipe.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"

namespace weir::event {

/// The socket and the queue of one connection. An accepted socket becomes a libuv handle only when it has to be waited
/// for (attach). Owns itself: freed when the handle is closed, or at the end of the turn where there was none.
struct TcpStream::Cell final : Deadline, IdleWatch::Sleeper {
  enum class State : uint8_t {
    connecting,
    open,
    lingering,  // the owner has let go; what is queued goes out, what arrives is dropped
    closing,    // the socket is closed, or uv_close was called
  };

  explicit Cell(Loop& owner_loop) : loop(owner_loop) {}

  uv_tcp_t tcp{};  // only when attached
  int fd = -1;
  Loop& loop;
  Observer* observer = nullptr;        // null: nobody listens any more
  std::unique_ptr<StreamLayer> layer;  // null: plain
  std::unique_ptr<Kept> kept;          // until the socket is closed
  State state = State::open;
  bool attached = false;  // the socket is the handle's
  bool reading = false;
  bool first_read_due = false;   // the listener tries it when its callback is done
  bool held = false;             // something of it is in the loop's ReadBatch
  bool cut_short = false;        // the last read took no more than it was to: there may be more
  bool reset_wanted = false;     // not reading, and it is to be told
  bool saying_end = false;       // FIN or close follow what is being sent
  bool end_after_queue = false;  // FIN once the queue is empty
  bool fin_sent = false;
  bool peer_ended = false;                // its FIN came while something was still queued for it; only while lingering
  bool write_pending = false;             // a uv_write is out with `in_flight`
  bool failed = false;                    // the observer has been told, or will be at the end of this turn
  uint8_t references = 1;                 // the socket's own, one for whoever is at work with it
  std::optional<IdleWatch::For> watched;  // what the loop's IdleWatch has the socket for

  // What the kernel did not take, in the order it goes: `in_flight` belongs to the uv_write, `piped` waits for room,
  // `queue` gathers meanwhile.
  std::string in_flight;
  std::unique_ptr<Pipe> piped;
  std::string queue;
  uv_write_t write_request{};
  uint32_t read_bytes_max = UINT32_MAX;
  uint64_t pipe_bytes_left = 0;         // to be read through a pipe
  std::unique_ptr<std::string> unread;  // to be read again before anything else; null almost always
  std::optional<Error> write_error;     // told when all that the peer has sent before has been read
  size_t linger_drops_left = SIZE_MAX;  // bytes that may still come while lingering
  size_t linger_bytes_left = 0;         // undelivered at the last look: who takes nothing for a while is let go
  Addresses addresses;                  // as far as anybody has asked
  uv_connect_t connect_request;

  [[nodiscard]] bool usable() const { return state == State::connecting || state == State::open; }
  /// From the owner: through the layer, if there is one.
  void send(const std::array<std::string_view, 3>& pieces);
  /// To the socket.
  void send_raw(const std::array<std::string_view, 3>& pieces);
  void init_handle();
  bool attach();
  void send_piped(Pipe& pipe);
  void start_queued_write();
  void on_written(int status);
  void write_on();
  [[nodiscard]] bool drain_pipe();
  void drop_queue();
  void end_writing();
  void on_write_failed(int status);
  void on_connected(int status);
  void on_read_over(int error);
  void send_fin();
  void start_reading();
  void read_first();
  void watch_socket();
  void read_socket();
  [[nodiscard]] bool read_buffer(ReadBatch& batch);
  void drop(ssize_t got);
  void take(std::span<char> bytes);
  [[nodiscard]] bool read_pipe(Pipe& pipe);
  void read_again();
  void stop_reading();
  void watch_for_reset();
  void end_watch();
  void watch_for(std::optional<IdleWatch::For> wanted);
  void on_awake() override;
  void report_failure(const Error& error);
  [[nodiscard]] bool nothing_waits() const;
  [[nodiscard]] bool more_waits() const;
  void linger();
  void cut();
  void close(bool with_reset);
  void close_unattached(bool with_reset);
  void release();
  [[nodiscard]] bool all_sent() const { return !write_pending && piped == nullptr && queue.empty(); }
  [[nodiscard]] size_t queued_bytes() const {
    return queue.size() + tcp.write_queue_size + (piped != nullptr ? piped->size() : 0);
  }
  [[nodiscard]] size_t undelivered_bytes() const;
  void on_deadline() override;

 private:
  ~Cell() override = default;
};

}  // namespace weir::event
