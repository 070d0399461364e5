#include "proxy/tls_publisher.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "proxy/protocols.h"
#include "proxy/worker.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/routing/tls_hosts.h"

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

// What a context is made of, in one text: two that are equal make equal contexts.
void append_identity(std::string& out, const tls::CertificateMaterial& material) {
  for (const std::string& part : {material.chain_pem, material.key_pem, material.staple}) (out += part) += '\0';
}

}  // namespace

TlsPublisher::TlsPublisher(event::Loop& control, const config::Config& config, std::vector<Worker*> workers)
    : control_(control),
      config_(config),
      workers_(std::move(workers)),
      transports_(control, workers_, file_),
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
  read_certificates(material);
  if (Status published = publish(material); !published) return published;
  tell_keylog();
  expiry_.start_every(kDayMs);
  tell_problems();
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

// What is bad stops nothing but itself: each step is tried with what there is.
void TlsPublisher::reload() {
  problems_.clear();
  auto try_step = [&](const Status& done) {
    if (!done) note(done.error().text());
  };
  try_step(read_file());
  try_step(read_ticket_keys());
  tls::ServerMaterial material;
  try_step(read_profiles(material));
  read_certificates(material);
  try_step(publish(material));
  tell_problems();
  const bool bad_certificate = std::any_of(status_.certificates.begin(), status_.certificates.end(),
                                           [](const CertificateStatus& one) { return !one.problem.empty(); });
  if (bad_certificate || !problems_.empty() || !transports_.unreadable().empty()) ++status_.reload_failures;
  watch();
}

void TlsPublisher::note(const std::string& problem) {
  if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) problems_.push_back(problem);
}

/// All that there are now: shown, and those that are new written to the log.
void TlsPublisher::tell_problems() {
  std::vector<std::string> now = problems_;
  status_.transports = transports_.names();
  status_.transport_problems = transports_.unreadable();
  status_.transport_problems.merge(transports_.missing());
  for (const auto& [name, problem] : status_.transport_problems) {
    now.emplace_back("serversTransport ").append(name).append(": ").append(problem);
  }
  status_.problem = now.empty() ? "" : now.front();
  for (const CertificateStatus& certificate : status_.certificates) {
    if (!certificate.problem.empty()) now.push_back(certificate.problem);
  }
  const std::set<std::string> told = std::exchange(problems_told_, std::set<std::string>(now.begin(), now.end()));
  for (const std::string& problem : problems_told_) {
    if (!told.contains(problem)) log::error("TLS: what was good before stays", {{"problem", problem}});
  }
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
  tell_ignored(outcome.ignored);
  if (outcome.errors.empty()) {
    file_ = std::move(outcome.file);
    file_text_ = std::move(text);
    return {};
  }
  std::vector<std::string> texts;
  for (const Error& error : outcome.errors) texts.push_back(error.text());
  return fail(ErrorCode::invalid, join(texts, "; "));
}

/// Those that are new: the file is read again whenever something beside it changes.
void TlsPublisher::tell_ignored(const std::vector<Error>& keys) {
  std::set<std::string> now;
  for (const Error& key : keys) now.insert(key.text());
  for (const std::string& key : now) {
    if (!ignored_.contains(key)) log::warn("a key of the TLS file is ignored", {{"key", key}});
  }
  ignored_ = std::move(now);
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

void TlsPublisher::read_certificates(tls::ServerMaterial& material) {
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
}

/// The error of one that has never been good. It is left out: who asks for it has others by the handshake, which its
/// routers refuse (421), since without what clients are checked against there is no way to let the right ones in.
Status TlsPublisher::read_profiles(tls::ServerMaterial& material) {
  std::map<std::string, tls::ServerMaterial::Profile> good;
  Status never_good;
  for (const tls::ServerOptions& options : file_.options) {
    auto profile = read_profile(options);
    auto old = profiles_.find(options.name);
    if (!profile) note(profile.error().text());
    if (!profile && old == profiles_.end()) {
      never_good = fail(profile.error());
      continue;
    }
    good[options.name] = profile ? std::move(*profile) : old->second;
    material.profiles.push_back(good[options.name]);
  }
  profiles_ = std::move(good);
  material.alpn_protocols = spoken_protocols();
  material.keylog_file = config_.tls.debug_keylog_file;
  return never_good;
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

Status TlsPublisher::use_mesh(tls::MeshIdentity identity) {
  auto facts = tls::check(identity);
  if (!facts) return fail(facts.error());
  log::info("certificate of the mesh", {{"uri", identity.uri}, {"serial", facts->serial}});
  status_.mesh = MeshStatus{identity.uri, std::move(*facts)};
  transports_.use_mesh(std::move(identity));
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
  bool others = transports_.read();
  std::string identity;
  append_identity(identity, *material.default_certificate);
  for (const auto& certificate : material.certificates) append_identity(identity, *certificate);
  for (const auto& profile : material.profiles) identity += profile.options.name + '\0' + profile.ca_pem;
  // The rest is in the file itself: as it was read, for it may say something else by now.
  identity += file_text_;
  identity = std::to_string(fnv1a(identity)) + "." + std::to_string(identity.size());
  Status published;
  if (identity != published_) {
    published = publish_server(material);
    if (published) published_ = std::move(identity);
    others = others || published;
  }
  if (!others) return published;
  ++status_.reloads;
  if (!config_.tls.file.empty()) {
    log::info("TLS loaded", {{"certificates", material.certificates.size()},
                             {"options", material.profiles.size()},
                             {"transports", transports_.names().size()}});
  }
  warn_of_expiry();
  return published;
}

Status TlsPublisher::publish_server(const tls::ServerMaterial& material) {
  for (Worker* worker : workers_) {
    auto server = tls::make_server_context(worker->tls().library(), material);
    if (!server) return fail(server.error());
    worker->post([worker, made = std::move(*server)] { worker->tls().use(made); });
  }
  return engine_ ? publish_to_control(material) : Status();
}

Status TlsPublisher::publish_to_control(tls::ServerMaterial material) {
  for (tls::ServerMaterial::Profile& profile : material.profiles) profile.options.alpn_protocols = {"http/1.1"};
  auto server = tls::make_server_context(engine_->library(), material);
  if (!server) return fail(server.error());
  engine_->use(std::move(*server));
  return {};
}

void TlsPublisher::use_table(const std::shared_ptr<const routing::RoutingTable>& table) {
  if (transports_.use_table(table)) watch();
  tell_problems();
  tls::HostOptions by_host = routing::tls_options_by_host(*table);
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
    if (path.empty()) return;
    folders.insert(folder_of(path));
    // A link's target may be rewritten where it lies.
    std::error_code failed;
    const auto real = std::filesystem::canonical(path, failed);
    if (!failed) folders.insert(folder_of(real.string()));
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
  for (const tls::ClientOptions& options : transports_.wanted()) {
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
  if (config_.tls.expiry_warning_days == 0) return;
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
