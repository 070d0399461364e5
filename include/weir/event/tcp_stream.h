#pragma once
// A TCP connection. The one thing above it that the data path needs from the operating system.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/stream_layer.h"

namespace weir::event {

class Loop;
class Pipe;

/// A connection, accepted or being made, plain or with a StreamLayer (TLS) in it: whoever speaks on it cannot tell, but
/// by protocol(). Owned by value by a session; movable; destroying it closes the socket at once
/// (data already given to the kernel still goes out). What the loop knows of lives in a cell of its own that dies
/// later, so the owner of a stream may die at any moment, also inside one of its callbacks.
class TcpStream {
 public:
  /// Told what happens. After any of these calls the stream may be gone: the observer may destroy it.
  class Observer {
   public:
    /// It may be used: the connection is made and its layer, if it has one, has shaken hands.
    virtual void on_connected() {}
    /// Bytes in the loop's read batch, valid during the call.
    virtual void on_read(std::span<char> bytes) = 0;
    /// Bytes in the loop's pipe, valid during the call: pass them on with write_piped(), or take their text. Only after
    /// pipe_next().
    virtual void on_piped(Pipe&) {}
    /// The peer will send no more; writing still works.
    virtual void on_read_end() = 0;
    /// All that was queued has been taken by the kernel, after write() had left something queued.
    virtual void on_drained() = 0;
    /// The connection is of no use any more (refused, reset, cannot be written).
    virtual void on_failed(const Error& error) = 0;

   protected:
    ~Observer() = default;
  };

  TcpStream() = default;
  TcpStream(TcpStream&& other) noexcept;
  TcpStream& operator=(TcpStream&& other) noexcept;
  ~TcpStream();

  /// Starts connecting; on_connected() or on_failed() follows, never from within this call.
  static TcpStream connect(Loop& loop, const SocketAddress& address, Observer& observer,
                           std::unique_ptr<StreamLayer> layer = nullptr);
  /// What is known of a socket that is taken over, so that the kernel need not be asked.
  struct Addresses {
    std::optional<SocketAddress> peer;
    std::optional<SocketAddress> local;
  };
  /// Takes over a connected socket.
  static TcpStream adopt(Loop& loop, int fd, Addresses known = {});
  /// The other way round: a descriptor of the socket, now the caller's; the stream is empty afterwards. Only with
  /// nothing to write. -1 and unchanged where the system has no descriptor to spare.
  [[nodiscard]] int detach();

  /// What lives as long as the socket does.
  class Kept {
   public:
    virtual ~Kept() = default;
  };
  /// Destroyed when the socket is closed, which may be long after the stream was let go (close_gracefully). Once.
  void keep(std::unique_ptr<Kept> kept);
  /// Who is told from now on. Needed before anything can happen on an accepted stream.
  void set_observer(Observer& observer);
  /// Puts a layer into an accepted stream, before anything is read. The observer hears on_connected() when the layer is
  /// ready; the stream may then be moved on to another owner, who sets its own observer within that call.
  void put_layer(std::unique_ptr<StreamLayer> layer);
  /// Null in a plain stream. Belongs to the stream.
  [[nodiscard]] StreamLayer* layer() const;
  /// What the layer has agreed on with the peer (ALPN: "h2", "http/1.1"); "" when plain, or when nothing was agreed.
  [[nodiscard]] std::string_view protocol() const;

  /// Reading is off until started, and is stopped only for back-pressure (each flip costs two system calls).
  void start_reading();
  void stop_reading();
  [[nodiscard]] bool reading() const;
  /// Nothing is read now, but a reset is to be told (on_failed) when it comes, not when reading goes on. Until reading
  /// starts. An end (FIN) is none: it waits behind the bytes before it.
  void watch_for_reset();
  /// What one on_read() brings at most; the whole read buffer unless told otherwise. For whoever expects something
  /// short and may want what follows it through a pipe.
  void read_at_most(uint32_t bytes);
  /// So many bytes may come by on_piped() from here on: for long bodies that nobody looks into. They come by on_read()
  /// all the same where the system cannot do it, or a layer has to see them.
  void pipe_next(uint64_t bytes);
  /// Whether more has come than the owner was told of: one read brings only so much. A system call where the last read
  /// may have been cut short by that. A layer is taken to have handed on all that it got.
  [[nodiscard]] bool more_waits() const;
  /// Whether something has been read that the owner is still to be told of.
  [[nodiscard]] bool holds_unseen() const;
  /// Gives back bytes that were read too far, while reading is stopped: they are read again before all others, after
  /// this turn at the earliest, by whoever starts to read.
  void unread(std::string_view bytes);

  /// Small pieces are gathered and leave in one send when the loop's turn ends; large ones go out at once,
  /// together with what was gathered, without a copy. What the kernel does not take is queued. `after` goes right
  /// behind `bytes`, in the same send.
  void write(std::string_view bytes, std::string_view after = {});
  /// What on_piped() has brought, right behind all that was written before. What the kernel does not take waits in the
  /// pipe, of which a stream keeps one: who gives another before on_drained() makes it copy. Only without a layer.
  void write_piped(Pipe& pipe);
  /// While connecting: goes to the peer before all others, and before anything of the layer: a PROXY header.
  void write_first(std::string_view bytes);
  /// Sends what is gathered now.
  void flush();
  /// Bytes that wait for the peer to read. Above its limit, the writer's source should pause until on_drained().
  [[nodiscard]] size_t queued_bytes() const;
  /// These and what the kernel holds until the peer has acknowledged it: whether it shrinks says whether the peer still
  /// reads. A system call; for deadlines.
  [[nodiscard]] size_t undelivered_bytes() const;

  /// Says that no more will be written (FIN) once the queue is empty.
  void end_writing();
  /// Lets go: sends what is queued as long as the peer takes kLingerStallBytes of it every kLingerStallMs, then FIN,
  /// drops what still arrives and closes at the peer's FIN or after kLingerMs. So that a peer who reads slowly, or is
  /// still sending, gets to read our last answer. The stream is empty afterwards.
  /// From a peer that is done nothing is waited for: what it still sent would make a reset of our last answer. One that
  /// has only said so is believed when none of its bytes wait. Of one that is unwelcome kUnwelcomeBytes are
  /// dropped at most: who is only told so late still reads our last word, and the rest of a flood costs nobody's time.
  enum class Peer : uint8_t { may_send, says_done, is_done, is_unwelcome };
  void close_gracefully(Peer peer = Peer::may_send);
  static constexpr uint64_t kLingerMs = 2000;
  static constexpr uint64_t kLingerStallMs = 60'000;
  static constexpr size_t kUnwelcomeBytes = 1024 * 1024;
  static constexpr size_t kLingerStallBytes = 1024;  // that it must take in that time, or all of it
  /// Closes with RST: the peer must not take what it has for complete. The stream is empty afterwards.
  void reset();

  [[nodiscard]] bool open() const { return cell_ != nullptr; }
  [[nodiscard]] SocketAddress peer_address() const;
  [[nodiscard]] SocketAddress local_address() const;

  struct Cell;  // private to event/: src/event/tcp_cell.h

 private:
  friend class Listener;
  void say_end();
  explicit TcpStream(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

}  // namespace weir::event
