#include "weir/proxy/proxy.h"

#include <malloc.h>

#include <thread>
#include <utility>

#include "proxy/answer_pages.h"
#include "proxy/log_file.h"
#include "proxy/log_writer.h"
#include "proxy/tls_publisher.h"
#include "proxy/worker.h"
#include "weir/base/check.h"
#include "weir/event/listener.h"

namespace weir::proxy {

class Proxy::Impl {
 public:
  Impl(event::Loop& control, const config::Config& config) : control_(control), config_(config) {
    if (config_.workers == 0) config_.workers = std::max(1U, std::thread::hardware_concurrency());
  }

  // They post to each other: all threads end before the first worker does.
  ~Impl() {
    for (auto& worker : workers_) worker->stop();
  }

  Status start() {
    auto shared = std::make_shared<Worker::Shared>(config_, config_.workers);
    for (size_t i = 0; i < config_.workers; ++i) {
      workers_.push_back(std::make_unique<Worker>(i, config_, shared));
      shared->workers.push_back(workers_.back().get());
    }
    shared->trim = [&control = control_] { control.post([] { ::malloc_trim(0); }); };
    for (const config::EntryPointConfig& entry_point : config_.entry_points) {
      SocketAddress address = entry_point.address;
      if (Status free = event::Listener::check_free(address); !free) {
        return fail(Error{free.error().code, "entry point " + entry_point.name + ": " + free.error().message});
      }
      for (auto& worker : workers_) {
        auto bound = worker->bind(entry_point, address);
        if (!bound)
          return fail(Error{bound.error().code, "entry point " + entry_point.name + ": " + bound.error().message});
        address = *bound;  // port 0: the others take what the kernel chose for the first
      }
      addresses_[entry_point.name] = address;
    }
    for (auto& worker : workers_) {
      if (Status read = worker->read_answer_pages(); !read) return read;
    }
    if (config_.access_log.format != config::AccessLogFormat::off) {
      auto file = std::make_unique<LogFile>(config_.access_log.path);
      if (Status opened = file->open(); !opened) return opened;
      log_writer_ = std::make_unique<LogWriter>(std::move(file), config_.access_log.queue_bytes_max);
      for (auto& worker : workers_) worker->set_log_writer(log_writer_.get());
    }
    std::vector<Worker*> all;
    for (auto& worker : workers_) all.push_back(worker.get());
    tls_ = std::make_unique<TlsPublisher>(control_, config_, std::move(all));
    if (Status read = tls_->start(); !read) return read;
    for (auto& worker : workers_) worker->start_thread();
    return {};
  }

  void publish(const std::shared_ptr<const routing::RoutingTable>& table) {
    tls_->use_table(table);
    for (auto& worker : workers_) worker->offer(table);
  }

  void collect(std::function<void(Stats)> on_stats) {
    auto sum = std::make_shared<Stats>();
    ask_workers(
        [this, sum](Worker& worker, const Finish& finish) {
          control_.post([sum, stats = worker.collect(), finish] {
            sum->merge(stats);
            finish();
          });
        },
        [this, sum, on_stats = std::move(on_stats)] {
          if (log_writer_) sum->access_log.lines_failed = log_writer_->lines_failed();
          on_stats(std::move(*sum));
        });
  }

  void when_installed(std::function<void()> done) {
    // Tasks keep their order: this one comes behind the tables that were posted before it.
    ask_workers([](Worker&, const Finish& finish) { finish(); }, std::move(done));
  }

  void drain(std::function<void()> on_drained) {
    ask_workers([](Worker& worker, const Finish& finish) { worker.drain(finish); }, std::move(on_drained));
  }

  void reopen_access_log() {
    if (log_writer_) log_writer_->reopen();
  }

  void reload_tls() { tls_->reload(); }
  Status use_mesh(tls::MeshIdentity identity) { return tls_->use_mesh(std::move(identity)); }
  Status use_ticket_keys(std::string_view text) { return tls_->use_ticket_keys(text); }
  [[nodiscard]] const TlsStatus& tls_status() const { return tls_->status(); }
  [[nodiscard]] const tls::ClientMaterial* transport(const std::string& name) const { return tls_->transport(name); }
  [[nodiscard]] tls::Engine* control_tls() { return tls_->control_tls(); }
  [[nodiscard]] const std::map<std::string, SocketAddress>& addresses() const { return addresses_; }
  [[nodiscard]] size_t workers() const { return workers_.size(); }

 private:
  using Finish = std::function<void()>;

  /// Has each worker do `work` on its own thread, and calls `done` on the control loop when each has called the Finish
  /// that it was given, from whichever thread.
  void ask_workers(const std::function<void(Worker&, const Finish&)>& work, std::function<void()> done) {
    auto missing = std::make_shared<size_t>(workers_.size());
    auto last = std::make_shared<std::function<void()>>(std::move(done));
    // Not by `this`: one that was posted may run when the proxy is gone.
    Finish finish = [&control = control_, missing, last] {
      control.post([missing, last] {
        if (--*missing > 0) return;
        // Moved out: a worker may be the last to let go of `last`, and what the callback holds belongs to this thread.
        auto callback = std::exchange(*last, nullptr);
        callback();
      });
    };
    for (auto& worker : workers_) {
      worker->post([&worker = *worker, work, finish] { work(worker, finish); });
    }
  }

  event::Loop& control_;
  config::Config config_;  // a copy: constant while the workers live
  std::map<std::string, SocketAddress> addresses_;
  std::unique_ptr<LogWriter> log_writer_;  // null: no access log
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<TlsPublisher> tls_;
};

Proxy::Proxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Proxy::~Proxy() = default;

Result<std::unique_ptr<Proxy>> Proxy::start(event::Loop& control, const config::Config& config) {
  auto impl = std::make_unique<Impl>(control, config);
  if (Status started = impl->start(); !started) return fail(started.error());
  return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

std::vector<Error> Proxy::check(const config::Config& config) {
  std::vector<Error> errors;
  auto note = [&](const Status& done) {
    if (!done) errors.push_back(done.error());
  };
  note(AnswerPages(config.answers).read_files());
  if (config.access_log.format != config::AccessLogFormat::off) note(LogFile(config.access_log.path).check());
  event::Loop nobody;
  note(TlsPublisher(nobody, config, {}).check());
  return errors;
}

void Proxy::publish(std::shared_ptr<const routing::RoutingTable> table) { impl_->publish(table); }
const std::map<std::string, SocketAddress>& Proxy::addresses() const { return impl_->addresses(); }
void Proxy::when_installed(std::function<void()> done) { impl_->when_installed(std::move(done)); }
void Proxy::collect(std::function<void(Stats)> on_stats) { impl_->collect(std::move(on_stats)); }
void Proxy::drain(std::function<void()> on_drained) { impl_->drain(std::move(on_drained)); }
size_t Proxy::workers() const { return impl_->workers(); }
void Proxy::reload_tls() { impl_->reload_tls(); }
Status Proxy::use_mesh(tls::MeshIdentity identity) { return impl_->use_mesh(std::move(identity)); }
Status Proxy::use_ticket_keys(std::string_view text) { return impl_->use_ticket_keys(text); }
const TlsStatus& Proxy::tls_status() const { return impl_->tls_status(); }
const tls::ClientMaterial* Proxy::transport(const std::string& name) const { return impl_->transport(name); }
tls::Engine* Proxy::control_tls() { return impl_->control_tls(); }
void Proxy::reopen_access_log() { impl_->reopen_access_log(); }

}  // namespace weir::proxy
