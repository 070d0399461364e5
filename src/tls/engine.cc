#include "weir/tls/engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tls/engine_state.h"
#include "tls/layer.h"
#include "weir/base/check.h"
#include "weir/event/tcp_stream.h"

namespace weir::tls {
namespace {

// The bytes of the loop's read buffer, without a copy of ours in between.
int read_sealed(BIO* bio, char* out, size_t size, size_t* got) {
  auto* state = static_cast<Engine::State*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *got = std::min(size, state->sealed_in.size());
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(out, state->sealed_in.data(), *got);
  state->sealed_in = state->sealed_in.subspan(*got);
  return 1;
}

int write_sealed(BIO* bio, const char* bytes, size_t size, size_t* written) {
  auto* state = static_cast<Engine::State*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  state->sealed_out.append(bytes, size);
  *written = size;
  return 1;
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir stream");
  CHECK(method != nullptr);
  BIO_meth_set_read_ex(method, read_sealed);
  BIO_meth_set_write_ex(method, write_sealed);
  BIO_meth_set_ctrl(method, control);
  BIO_meth_set_create(method, [](BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  });
  return method;
}

}  // namespace

Engine::State::State(event::Loop& its_loop, std::shared_ptr<Library> its_library, uint32_t per_turn_max)
    : loop(its_loop), library(std::move(its_library)), handshakes_per_turn_max(per_turn_max) {
  static BIO_METHOD* const method = make_method();  // for the life of the process
  bio.reset(BIO_new(method));
  CHECK(bio != nullptr);
  BIO_set_data(bio.get(), this);
}

bool Engine::State::admit(Layer& layer) {
  if (begun_this_turn == 0 && waiting.empty()) {
    // What is posted now runs when the loop has polled again: that is the next turn.
    loop.post([state = weak_from_this()] {
      if (auto alive = state.lock()) alive->begin_turn();
    });
  }
  if (begun_this_turn < handshakes_per_turn_max && waiting.empty()) {
    ++begun_this_turn;
    return true;
  }
  ++counters.delayed;
  layer.place_ = waiting.insert(waiting.end(), &layer);
  return false;
}

void Engine::State::forget(Layer& layer) { waiting.erase(layer.place_); }

void Engine::State::begin_turn() {
  begun_this_turn = 0;
  while (!waiting.empty() && begun_this_turn < handshakes_per_turn_max) {
    ++begun_this_turn;
    Layer* next = waiting.front();
    waiting.pop_front();
    next->resume();
  }
  if (begun_this_turn == 0) return;
  loop.post([state = weak_from_this()] {
    if (auto alive = state.lock()) alive->begin_turn();
  });
}

Engine::Engine(event::Loop& loop, std::shared_ptr<Library> library, uint32_t handshakes_per_turn_max)
    : state_(std::make_shared<State>(loop, std::move(library), handshakes_per_turn_max)) {}
Engine::~Engine() = default;

const std::shared_ptr<Library>& Engine::library() const { return state_->library; }
void Engine::use(std::shared_ptr<const ServerContext> context) { state_->server = std::move(context); }
void Engine::use(std::shared_ptr<const TicketKeys> keys) { state_->ticket_keys = std::move(keys); }
void Engine::use(std::shared_ptr<const HostOptions> host_options) { state_->host_options = std::move(host_options); }
const Counters& Engine::counters() const { return state_->counters; }

std::unique_ptr<event::StreamLayer> Engine::accept(const std::string& options) {
  return std::make_unique<Layer>(state_, options);
}

std::unique_ptr<event::StreamLayer> Engine::connect(std::shared_ptr<ClientContext> context,
                                                    const ClientTarget& target) {
  return std::make_unique<Layer>(state_, std::move(context), target);
}

const Connection* connection_of(const event::TcpStream& stream) {
  return dynamic_cast<const Connection*>(stream.layer());
}

}  // namespace weir::tls
