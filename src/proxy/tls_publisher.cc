#include "proxy/tls_publisher.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "proxy/protocols.h"
#include "proxy/worker.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/routing/tls_hosts.h"
#include "weir/routing/transport.h"

namespace weir::proxy {
namespace {

// A certificate and its key are two files: the second is written by then.
constexpr uint64_t kSettleMs = 300;
constexpr size_t kTicketKeysKept = 2;
constexpr uint64_t kDayMs = 86'400'000;

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

tls::ClientOptions transport_of(const routing::Middleware& middleware) {
  const routing::ForwardAuth& auth = middleware.forward_auth;
  tls::ClientOptions out;
  out.name = auth_transport(middleware);
  out.insecure_skip_verify = auth.skips_verify;
  if (!auth.ca_file.empty()) out.root_cas = {auth.ca_file};
  if (!auth.cert_file.empty()) out.certificates = {{auth.cert_file, auth.key_file, ""}};
  return out;
}

// What a context is made of, in one text: two that are equal make equal contexts.
void append_identity(std::string& out, const tls::CertificateMaterial& material) {
  for (const std::string& part : {material.chain_pem, material.key_pem, material.staple}) (out += part) += '\0';
}

}  // namespace

TlsPublisher::TlsPublisher(event::Loop& control, const config::Config& config, std::vector<Worker*> workers)
    : control_(control),
      config_(config),
      workers_(std::move(workers)),
      settled_(control, [this] { reload(); }),
      rotation_(control, [this] { rotate_ticket_keys(); }),
      expiry_(control, [this] { warn_of_expiry(); }) {
  for (event::Timer* timer : {&settled_, &rotation_, &expiry_}) timer->set_background();
  if (config.admin_tls) engine_.emplace(control);
  // What has come meanwhile is published together.
  if (config.tls.ocsp_fetch) ocsp_.emplace(control, [this] { settled_.start_once(kSettleMs); });
}

Status TlsPublisher::start() {
  auto own = tls::make_default_certificate();
  if (!own) return fail(own.error());
  own_certificate_ = std::move(*own);
  if (Status read = read_file(); !read) return read;
  if (Status read = read_ticket_keys(); !read) return read;
  if (config_.tls.ticket_key_file.empty()) {
    rotate_ticket_keys();
    rotation_.start_every(uint64_t{config_.tls.ticket_rotation_s} * 1000);
  }
  tls::ServerMaterial material;
  if (Status read = read_profiles(material); !read) return read;
  if (Status read = read_certificates(material); !read) return read;
  read_transports();
  if (Status published = publish(material); !published) return published;
  tell_keylog();
  expiry_.start_every(kDayMs);
  tell_problems({});
  watch();
  return {};
}

void TlsPublisher::tell_keylog() const {
  const std::string& path = config_.tls.debug_keylog_file;
  if (path.empty()) return;
  int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    log::error("tls.debug_keylog_file: the secrets of TLS connections cannot be written",
               {{"error", system_error("open " + path, errno)}});
    return;
  }
  ::close(fd);
  log::warn("the secrets of TLS connections are written to a file", {{"file", path}});
}

Status TlsPublisher::check() {
  if (Status read = read_file(); !read) return read;
  if (Status read = read_ticket_keys(); !read) return read;
  tls::ServerMaterial material;
  return read_profiles(material);
}

void TlsPublisher::reload() {
  std::set<std::string> told = std::exchange(problems_told_, {});
  status_.problem.clear();
  auto try_step = [&](Status done) {
    if (!done) note(done.error().text());
    return done.has_value();
  };
  try_step(read_file());
  try_step(read_ticket_keys());
  tls::ServerMaterial material;
  if (try_step(read_profiles(material)) && try_step(read_certificates(material))) {
    read_transports();
    try_step(publish(material));
  }
  tell_problems(told);
  if (!problems_told_.empty()) ++status_.reload_failures;
  watch();
}

/// All that are there now and have not been told yet.
void TlsPublisher::tell_problems(const std::set<std::string>& told) {
  for (const CertificateStatus& certificate : status_.certificates) {
    if (!certificate.problem.empty()) problems_told_.insert(certificate.problem);
  }
  for (const std::string& problem : problems_told_) {
    if (!told.contains(problem)) log::error("TLS: what was good before stays", {{"problem", problem}});
  }
}

void TlsPublisher::note(const std::string& problem) {
  if (status_.problem.empty()) status_.problem = problem;
  problems_told_.insert(problem);
}

void TlsPublisher::note_transport(const std::string& name, const Error& error) {
  status_.transport_problems[name] = error.text();
  note("serversTransport " + name + ": " + error.text());
}

// ---- Reading ----

Status TlsPublisher::read_file() {
  std::string text;
  if (!config_.tls.file.empty()) {
    auto read = weir::read_file(config_.tls.file, 4 * 1024 * 1024);
    if (!read) return fail(read.error());
    text = std::move(*read);
  }
  TlsFileOutcome outcome = decode_tls_file(text, config_.tls.file);
  check_options(outcome);
  if (outcome.errors.empty()) {
    file_ = std::move(outcome.file);
    return {};
  }
  std::vector<std::string> texts;
  for (const Error& error : outcome.errors) texts.push_back(error.text());
  return fail(ErrorCode::invalid, join(texts, "; "));
}

// With others in their place somebody might be let in.
void TlsPublisher::check_options(TlsFileOutcome& outcome) const {
  auto check = [&](const std::string& who, const std::string& name) {
    for (const tls::ServerOptions& options : outcome.file.options) {
      if (options.name == name) return;
    }
    outcome.errors.push_back(Error{ErrorCode::invalid, who + ": there are no TLS options " + name});
  };
  for (const config::EntryPointConfig& entry_point : config_.entry_points) {
    if (entry_point.tls) check("entry point " + entry_point.name, entry_point.tls_options);
  }
  if (config_.admin_tls) check("admin", config_.admin_tls_options);
}

/// The newest good version, or null.
std::shared_ptr<const tls::CertificateMaterial> TlsPublisher::read_certificate(const tls::CertificateFiles& files,
                                                                               bool is_default) {
  CertificateStatus& status = status_.certificates.emplace_back();
  status.file = files.cert_file;
  status.is_default = is_default;
  auto read = tls::load_certificate(files);
  auto& last_good = last_good_[files.cert_file];
  if (read) {
    last_good = std::move(*read);
  } else {
    status.problem = read.error().text();
    problems_told_.insert(status.problem);
  }
  status.in_use = last_good != nullptr;
  if (last_good == nullptr) return nullptr;
  status.facts = last_good->facts;
  return with_staple(last_good, status);
}

std::shared_ptr<const tls::CertificateMaterial> TlsPublisher::with_staple(
    std::shared_ptr<const tls::CertificateMaterial> material, CertificateStatus& status) {
  if (!ocsp_ || !material->files.ocsp_file.empty()) return material;
  stapled_.push_back(material->chain_pem);
  const OcspFetcher::Staple& staple = ocsp_->staple(material->chain_pem);
  status.staple_problem = staple.problem;
  if (staple.der.empty()) return material;
  status.staple_until_s = staple.next_update_s;
  auto stapled = std::make_shared<tls::CertificateMaterial>(*material);
  stapled->staple = staple.der;
  return stapled;
}

Status TlsPublisher::read_certificates(tls::ServerMaterial& material) {
  status_.certificates.clear();
  stapled_.clear();
  std::set<std::string> named;
  material.default_certificate = own_certificate_;
  if (file_.default_certificate) {
    if (auto read = read_certificate(*file_.default_certificate, true)) material.default_certificate = std::move(read);
    named.insert(file_.default_certificate->cert_file);
  } else {
    status_.certificates.push_back({"", true, true, own_certificate_->facts, "", 0, ""});
  }
  for (const tls::CertificateFiles& files : file_.certificates) {
    if (auto read = read_certificate(files, false)) material.certificates.push_back(std::move(read));
    named.insert(files.cert_file);
  }
  std::erase_if(last_good_, [&](const auto& entry) { return !named.contains(entry.first); });
  if (ocsp_) ocsp_->follow(stapled_);
  return {};
}

Status TlsPublisher::read_profiles(tls::ServerMaterial& material) {
  std::map<std::string, tls::ServerMaterial::Profile> good;
  for (const tls::ServerOptions& options : file_.options) {
    auto profile = read_profile(options);
    auto old = profiles_.find(options.name);
    // Without what clients are checked against there is no way to let the right ones in.
    if (!profile && old == profiles_.end()) return fail(profile.error());
    if (!profile) note(profile.error().text());
    good[options.name] = profile ? std::move(*profile) : old->second;
    material.profiles.push_back(good[options.name]);
  }
  profiles_ = std::move(good);
  material.alpn_protocols = spoken_protocols();
  material.keylog_file = config_.tls.debug_keylog_file;
  return {};
}

Result<tls::ServerMaterial::Profile> TlsPublisher::read_profile(const tls::ServerOptions& options) {
  tls::ServerMaterial::Profile profile{options, ""};
  profile.options.alpn_protocols = spoken_of(options.alpn_protocols);
  for (const std::string& path : options.ca_files) {
    auto pem = tls::load_ca_file(path);
    if (!pem) return fail(Error{pem.error().code, "TLS options " + options.name + ": " + pem.error().text()});
    profile.ca_pem += *pem + "\n";
  }
  return profile;
}

std::vector<tls::ClientOptions> TlsPublisher::wanted_transports() const {
  std::vector<tls::ClientOptions> out = file_.transports;
  for (const auto& [name, service] : table_mesh_) out.emplace_back().name = name;
  for (const auto& [name, options] : auth_servers_) out.push_back(options);
  return out;
}

void TlsPublisher::read_transports() {
  std::map<std::string, tls::ClientMaterial> before = std::exchange(transports_, {});
  status_.transports.clear();
  status_.transport_problems.clear();
  for (const tls::ClientOptions& options : wanted_transports()) {
    auto read = read_transport(options);
    if (read) {
      transports_[options.name] = std::move(*read);
    } else {
      note_transport(options.name, read.error());
      // With the options it had: those of the file now may trust others.
      if (auto old = before.find(options.name); old != before.end()) transports_[options.name] = std::move(old->second);
    }
    if (transports_.contains(options.name)) status_.transports.push_back(options.name);
  }
  missing_ = missing_transports();
  for (const std::string& name : missing_) {
    if (status_.transport_problems.contains(name)) continue;
    const std::string& service = *named_[name].begin();
    note_transport(name, {ErrorCode::not_found, "tls.file has none of that name, which " + service + " asks for"});
  }
}

std::set<std::string> TlsPublisher::missing_transports() const {
  std::set<std::string> out;
  for (const auto& [name, services] : named_) {
    if (!transports_.contains(name)) out.insert(name);
  }
  return out;
}

/// What can be made into a context: a worker would otherwise be the first to find out.
Result<tls::ClientMaterial> TlsPublisher::read_transport(const tls::ClientOptions& options) {
  const std::string* service = nullptr;
  for (const auto* by_transport : {&file_.mesh_services, &table_mesh_}) {
    auto found = by_transport->find(options.name);
    if (found != by_transport->end()) service = &found->second;
  }
  auto read =
      service != nullptr ? tls::mesh_client_material(options, *service, mesh_) : tls::load_client_material(options);
  if (!read) return read;
  if (trial_ == nullptr) trial_ = tls::make_library();
  auto made = tls::make_client_context(trial_, *read);
  if (!made) return fail(made.error());
  return read;
}

Status TlsPublisher::use_mesh(tls::MeshIdentity identity) {
  auto facts = tls::check(identity);
  if (!facts) return fail(facts.error());
  log::info("certificate of the mesh", {{"uri", identity.uri}, {"serial", facts->serial}});
  status_.mesh = MeshStatus{identity.uri, std::move(*facts)};
  mesh_ = std::move(identity);
  reload();
  return {};
}

// ---- Ticket keys ----

Status TlsPublisher::read_ticket_keys() {
  const std::string& path = config_.tls.ticket_key_file;
  if (path.empty()) return {};
  auto text = weir::read_file(path, 64 * 1024);
  if (!text) return fail(text.error());
  auto keys = tls::parse_ticket_keys(*text);
  if (!keys) return fail(Error{keys.error().code, path + ": " + keys.error().message});
  if (keys->keys == ticket_keys_.keys) return {};
  ticket_keys_ = std::move(*keys);
  send_ticket_keys();
  return {};
}

Status TlsPublisher::use_ticket_keys(std::string_view text) {
  auto keys = tls::parse_ticket_keys(text);
  if (!keys) return fail(keys.error());
  rotation_.stop();  // our own were for until these came
  if (keys->keys == ticket_keys_.keys) return {};
  ticket_keys_ = std::move(*keys);
  log::info("session ticket keys changed", {{"keys", ticket_keys_.keys.size()}});
  send_ticket_keys();
  return {};
}

void TlsPublisher::rotate_ticket_keys() {
  ticket_keys_ = tls::rotate(ticket_keys_, kTicketKeysKept);
  send_ticket_keys();
}

void TlsPublisher::send_ticket_keys() {
  auto keys = std::make_shared<const tls::TicketKeys>(ticket_keys_);
  for (Worker* worker : workers_) {
    worker->post([worker, keys] { worker->tls().use(keys); });
  }
  if (engine_) engine_->use(keys);
}

// ---- Publishing ----

Status TlsPublisher::publish(const tls::ServerMaterial& material) {
  std::string identity;
  append_identity(identity, *material.default_certificate);
  for (const auto& certificate : material.certificates) append_identity(identity, *certificate);
  for (const auto& profile : material.profiles) identity += profile.ca_pem;
  for (const auto& [name, transport] : transports_) {
    identity += name + transport.ca_pem + transport.options.peer_uri;
    if (transport.options.insecure_skip_verify) identity += '-';
    for (const auto& pair : transport.certificates) identity += pair.chain_pem + pair.key_pem;
  }
  // The rest is in the file itself.
  if (!config_.tls.file.empty()) identity += weir::read_file(config_.tls.file).value_or("");
  identity = std::to_string(fnv1a(identity)) + "." + std::to_string(identity.size());
  if (identity == published_) return {};
  for (Worker* worker : workers_) {
    if (Status done = publish_to(*worker, material); !done) return done;
  }
  if (engine_) {
    if (Status done = publish_to_control(material); !done) return done;
  }
  published_ = std::move(identity);
  ++status_.reloads;
  if (!config_.tls.file.empty()) {
    log::info("TLS loaded", {{"certificates", material.certificates.size()},
                             {"options", material.profiles.size()},
                             {"transports", transports_.size()}});
  }
  warn_of_expiry();
  return {};
}

Status TlsPublisher::publish_to(Worker& worker, const tls::ServerMaterial& material) {
  auto made = std::make_shared<WorkerTls>();
  auto server = tls::make_server_context(worker.tls().library(), material);
  if (!server) return fail(server.error());
  made->server = std::move(*server);
  make_transports(worker, *made);
  worker.post([&worker, made] { worker.install_tls(*made); });
  return {};
}

Status TlsPublisher::publish_to_control(tls::ServerMaterial material) {
  for (tls::ServerMaterial::Profile& profile : material.profiles) profile.options.alpn_protocols = {"http/1.1"};
  auto server = tls::make_server_context(engine_->library(), material);
  if (!server) return fail(server.error());
  engine_->use(std::move(*server));
  return {};
}

// What has not changed keeps its context, and with it its connections and sessions.
void TlsPublisher::make_transports(Worker& worker, WorkerTls& made) {
  std::map<std::string, Given> before = std::exchange(given_[&worker], {});
  for (const auto& [name, material] : transports_) {
    if (auth_servers_.contains(name)) {
      made.auth_servers[name] = material;
      continue;
    }
    auto old = before.find(name);
    if (old == before.end() || old->second.material != material) {
      auto context = tls::make_client_context(worker.tls().library(), material);
      if (context) {
        old = before.insert_or_assign(name, Given{material, std::move(*context)}).first;
      } else {
        note_transport(name, context.error());
      }
    }
    if (old == before.end()) continue;
    made.transports[name] = old->second.context;
    given_[&worker][name] = old->second;
  }
}

// Asked with every change of the table: only what differs is looked at.
bool TlsPublisher::note_auth_servers(const SharedList<routing::Middleware>& middlewares) {
  const auto before = auth_servers_;
  const auto names_one = [](const std::shared_ptr<const routing::Middleware>* one) {
    return one != nullptr && (*one)->forward_auth.has_own_tls();
  };
  for_each_difference(seen_middlewares_, middlewares, [&](const auto* was, const auto* now) {
    if (names_one(was)) auth_servers_.erase(auth_transport(**was));
    if (names_one(now)) auth_servers_[auth_transport(**now)] = transport_of(**now);
  });
  seen_middlewares_ = middlewares;
  return auth_servers_ != before;
}

bool TlsPublisher::note_named_transports(const SharedList<routing::Service>& services) {
  const auto names_of = [](const std::shared_ptr<const routing::Service>* service) {
    std::set<std::string> out;
    if (service == nullptr) return out;
    for (const routing::Endpoint& endpoint : (*service)->endpoints) {
      const std::string_view name = routing::split_transport(endpoint.transport).name;
      if (endpoint.scheme == "https" && !name.empty()) out.emplace(name);
    }
    return out;
  };
  for_each_difference(seen_services_, services, [&](const auto* was, const auto* now) {
    for (const std::string& name : names_of(was)) {
      auto named = named_.find(name);
      named->second.erase((*was)->name);
      if (named->second.empty()) named_.erase(named);
    }
    for (const std::string& name : names_of(now)) named_[name].insert((*now)->name);
  });
  seen_services_ = services;
  return missing_transports() != missing_;
}

void TlsPublisher::use_table(const routing::RoutingTable& table) {
  bool others = note_auth_servers(table.middlewares());
  if (auto mesh = routing::mesh_transports(table); mesh != table_mesh_) {
    table_mesh_ = std::move(mesh);
    others = true;
  }
  others = note_named_transports(table.services()) || others;
  if (others) reload();
  tls::HostOptions by_host = routing::tls_options_by_host(table);
  if (by_host == host_options_) return;
  host_options_ = by_host;
  auto shared = std::make_shared<const tls::HostOptions>(std::move(by_host));
  for (Worker* worker : workers_) {
    worker->post([worker, shared] { worker->use_host_options(shared); });
  }
}

// ---- Watching ----

void TlsPublisher::watch() {
  std::set<std::string> folders;
  auto add = [&](const std::string& path) {
    if (!path.empty()) folders.insert(folder_of(path));
  };
  auto add_pair = [&](const tls::CertificateFiles& files) {
    add(files.cert_file);
    add(files.key_file);
    add(files.ocsp_file);
  };
  add(config_.tls.file);
  add(config_.tls.ticket_key_file);
  if (file_.default_certificate) add_pair(*file_.default_certificate);
  for (const tls::CertificateFiles& files : file_.certificates) add_pair(files);
  for (const tls::ServerOptions& options : file_.options) {
    for (const std::string& path : options.ca_files) add(path);
  }
  for (const tls::ClientOptions& options : wanted_transports()) {
    for (const std::string& path : options.root_cas) add(path);
    for (const tls::CertificateFiles& files : options.certificates) add_pair(files);
  }
  std::erase_if(watches_, [&](const auto& entry) { return !folders.contains(entry.first); });
  for (const std::string& folder : folders) {
    if (watches_.contains(folder)) continue;
    // Not begun anew by what comes next: tags may name a file where others write all the time.
    auto watch = event::FolderWatch::watch(control_, folder, [this] {
      if (!settled_.active()) settled_.start_once(kSettleMs);
    });
    if (watch) {
      watches_.emplace(folder, std::move(*watch));
    } else {
      log::warn("a folder cannot be watched; SIGHUP reads it again", {{"folder", folder}, {"error", watch.error()}});
    }
  }
}

void TlsPublisher::warn_of_expiry() {
  int64_t now_s = std::time(nullptr);
  for (const CertificateStatus& certificate : status_.certificates) {
    if (certificate.file.empty() || !certificate.in_use) continue;
    int64_t left_s = certificate.facts.not_after_s - now_s;
    if (left_s >= int64_t{config_.tls.expiry_warning_days} * 86'400) continue;
    log::warn(left_s < 0 ? "a certificate has expired" : "a certificate expires soon",
              {{"file", certificate.file}, {"subject", certificate.facts.subject}, {"days_left", left_s / 86'400}});
  }
}

}  // namespace weir::proxy
