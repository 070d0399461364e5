// The command line: the only file that includes CLI11. Each subcommand fills its options and names the function to run.

#include "app/cli.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "app/commands.h"
#include "app/version.h"
#include "weir/base/text.h"

namespace weir::app {
namespace {

/// What the chosen subcommand runs.
using Run = std::function<int()>;

class CommandLine {
 public:
  CommandLine()
      : app_("Weir: an edge router that follows a service catalog, with a registry and a scheduler of its own.",
             "weir") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string("weir ") + kVersion);
    app_.option_defaults()->always_capture_default();
    add_dev();
    add_edge();
    add_registry();
    add_scheduler();
    add_agent();
    add_job();
    add_alloc();
    add_node();
    add_service();
    add_route();
    add_config();
    add_rest();
  }

  int run(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them last first
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      if (std::string word = unknown_command(error); !word.empty()) {
        std::fprintf(stderr, "weir: there is no command \"%s\"; see %s --help\n", word.c_str(), chosen().c_str());
        return 2;
      }
      int code = app_.exit(error);
      return code == 0 ? 0 : 2;
    }
    return run_();
  }

 private:
  /// The word that stands where a subcommand should; "" where something else is wrong. CLI11 only says that one is
  /// missing.
  std::string unknown_command(const CLI::ParseError& error) const {
    std::vector<std::string> rest = app_.remaining(true);
    bool none = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !rest.empty();
    return none && !rest[0].starts_with('-') ? rest[0] : "";
  }

  /// "weir job": the program and the subcommands that were understood.
  std::string chosen() const {
    std::string out = "weir";
    for (const CLI::App* at = &app_; !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      out += " " + at->get_name();
    }
    return out;
  }

  /// The options of one subcommand, alive until it has run.
  template <typename Options>
  Options& options_for() {
    auto made = std::make_shared<Options>();
    keep_.push_back(made);
    return *made;
  }
  template <typename Options>
  void on_run(CLI::App* command, Options& options, int (*function)(const Options&)) {
    command->callback([this, &options, function] { run_ = [&options, function] { return function(options); }; });
  }

  static void add_service_flags(CLI::App* command, ServiceOptions& options) {
    command->add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off");
    command->add_option("--log-format", options.log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
    command->add_option("--ready-file", options.ready_file,
                        "written once everything is bound: JSON with pid and addresses");
  }
  static void add_nomad_flags(CLI::App* command, ApiOptions& options) {
    options.address = "http://127.0.0.1:4646";
    command->add_option("--address", options.address, "the scheduler's HTTP API")->envname("NOMAD_ADDR");
    command->add_option("--token", options.token, "sent as X-Nomad-Token")->envname("NOMAD_TOKEN");
  }
  static void add_consul_flags(CLI::App* command, ApiOptions& options) {
    options.address = "http://127.0.0.1:8500";
    command->add_option("--http-addr", options.address, "the registry's HTTP API")->envname("CONSUL_HTTP_ADDR");
    command->add_option("--token", options.token, "sent as X-Consul-Token")->envname("CONSUL_HTTP_TOKEN");
  }

  void add_dev() {
    auto& o = options_for<DevOptions>();
    CLI::App* c = app_.add_subcommand("dev", "registry, scheduler, one agent and an edge in one process");
    add_service_flags(c, o.service);
    c->add_option("--data-dir", o.data_dir, "where state is kept; without it a temporary folder that goes at the end");
    c->add_option("--entrypoint", o.entry_point, "the edge's address, as IP:PORT or NAME=IP:PORT");
    c->add_option("--admin", o.admin, "the edge's admin API; empty: none");
    c->add_option("--registry", o.registry, "the registry's HTTP API");
    c->add_option("--dns", o.dns, "the registry's DNS; empty: none");
    c->add_option("--scheduler", o.scheduler, "the scheduler's HTTP API");
    c->add_option("--routes", o.routes, "a folder of routes files");
    c->add_option("--workers", o.workers, "threads of the edge; 0: one per CPU");
    on_run(c, o, run_dev);
  }

  /// One that is given, also as "", wins over the configuration. CLI11 takes an empty std::optional for not given.
  static void add_override(CLI::App* command, const char* name, std::optional<std::string>& value, const char* help) {
    command->add_option_function<std::string>(
        name, [&value](const std::string& given) { value = given; }, help);
  }

  void add_edge() {
    auto& o = options_for<EdgeOptions>();
    o.service.log_level = o.service.log_format = "";  // the configuration's
    CLI::App* c = app_.add_subcommand("edge", "the router: follows a catalog and forwards requests");
    add_service_flags(c, o.service);
    c->add_option("--config", o.config_path, "a configuration file; conf/weir.toml shows every option");
    c->add_option("--entrypoint", o.entry_points, "NAME=IP:PORT to listen on; repeatable")->take_all();
    add_override(c, "--consul", o.consul, "the catalog to follow: URL, or several with commas");
    add_override(c, "--admin", o.admin, "IP:PORT of the admin API; empty: none");
    add_override(c, "--workers", o.workers, "threads; 0: one per CPU");
    add_override(c, "--data-dir", o.data_dir, "where the last good catalog is kept");
    add_override(c, "--routes", o.routes, "a folder of routes files (*.toml)");
    c->add_option("--set", o.settings, "KEY=VALUE: any option of the configuration file; repeatable")->take_all();
    on_run(c, o, run_edge);
  }

  void add_registry() {
    auto& o = options_for<RegistryOptions>();
    CLI::App* c = app_.add_subcommand("registry", "a minimal Consul: its HTTP API, DNS and health checks");
    add_service_flags(c, o.service);
    c->add_option("--http", o.http, "IP:PORT of the HTTP API");
    c->add_option("--dns", o.dns, "IP:PORT of DNS, UDP and TCP; empty: none");
    c->add_option("--data-dir", o.data_dir, "where state is kept")->required();
    c->add_option("--datacenter", o.datacenter, "its name");
    c->add_option("--node-name", o.node_name, "this node's name; the host's where not given");
    c->add_flag("--legacy-get-writes", o.legacy_get_writes, "accept GET where old clients write with it");
    on_run(c, o, run_registry);
  }

  void add_scheduler() {
    auto& o = options_for<SchedulerOptions>();
    CLI::App* c = app_.add_subcommand("scheduler", "a minimal Nomad server: job files and API");
    add_service_flags(c, o.service);
    c->add_option("--http", o.http, "IP:PORT of the HTTP API");
    c->add_option("--data-dir", o.data_dir, "where state is kept")->required();
    on_run(c, o, run_scheduler);
  }

  void add_agent() {
    auto& o = options_for<AgentOptions>();
    CLI::App* c = app_.add_subcommand("agent", "a node: runs what the scheduler gives it");
    add_service_flags(c, o.service);
    c->add_option("--scheduler", o.scheduler, "the scheduler's HTTP API")->envname("NOMAD_ADDR");
    c->add_option("--scheduler-token", o.scheduler_token, "sent as X-Nomad-Token")->envname("NOMAD_TOKEN");
    c->add_option("--consul", o.consul, "the registry's HTTP API")->envname("CONSUL_HTTP_ADDR");
    c->add_option("--consul-token", o.consul_token, "sent as X-Consul-Token")->envname("CONSUL_HTTP_TOKEN");
    c->add_option("--node-name", o.node_name, "unique in the cluster; the host's name where not given");
    c->add_option("--datacenter", o.datacenter, "its name");
    c->add_option("--node-class", o.node_class, "for constraints on ${node.class}");
    c->add_option("--address", o.address, "the IP its tasks listen on");
    c->add_option("--http", o.http, "IP:PORT of the agent's own API; where not given the address, with any port");
    c->add_option("--data-dir", o.data_dir, "where allocations and state are kept")->required();
    c->add_option("--meta", o.meta, "KEY=VALUE for ${meta.KEY}; repeatable")->take_all();
    c->add_option("--cpu-mhz", o.cpu_mhz, "what it offers; 0: what the machine has")->check(CLI::NonNegativeNumber);
    c->add_option("--memory-mb", o.memory_mb, "what it offers; 0: what the machine has")->check(CLI::NonNegativeNumber);
    on_run(c, o, run_agent);
  }

  void add_job() {
    CLI::App* job = group("job", "plan, run, stop and look at jobs");
    for (bool run : {false, true}) {
      auto& o = options_for<JobFileOptions>();
      CLI::App* c = run ? job->add_subcommand("run", "submit a job file and follow its evaluation")
                        : job->add_subcommand("plan", "show what running a job file would change");
      add_nomad_flags(c, o.api);
      c->add_option("file", o.file, "a job file (HCL or JSON); - reads standard input")->required();
      c->add_option("--var", o.variables, "NAME=VALUE of a variable; repeatable")->take_all()->allow_extra_args(false);
      c->add_option("--var-file", o.variable_files, "a file of variables; repeatable")
          ->take_all()
          ->allow_extra_args(false);
      c->add_flag("--verbose", o.verbose, "full ids");
      if (run) {
        c->add_option("--check-index", o.check_index,
                      "submit only if the job's modify index is this (0: only if it is new)");
        c->add_flag("--detach", o.detach, "do not follow");
      }
      on_run(c, o, run ? job_run : job_plan);
    }
    auto& stop = options_for<JobOptions>();
    CLI::App* c = job->add_subcommand("stop", "stop a job");
    add_nomad_flags(c, stop.api);
    c->add_option("job", stop.id, "its id; with -yes the beginning of it")->required();
    c->add_flag("--purge", stop.purge, "forget it altogether");
    c->add_flag("--yes", stop.sure, "stop also a job whose id only begins so");
    c->add_flag("--detach", stop.detach, "do not follow");
    on_run(c, stop, job_stop);
    auto& status = options_for<JobOptions>();
    c = job->add_subcommand("status", "list jobs, or show one");
    add_nomad_flags(c, status.api);
    c->add_option("job", status.id, "its id, or the beginning of it");
    c->add_flag("--verbose", status.verbose, "full ids");
    on_run(c, status, job_status);
  }

  void add_alloc() {
    CLI::App* alloc = group("alloc", "look at allocations");
    auto& status = options_for<AllocOptions>();
    CLI::App* c = alloc->add_subcommand("status", "show one allocation");
    add_nomad_flags(c, status.api);
    c->add_option("allocation", status.id, "its id, or the beginning of it")->required();
    c->add_flag("--verbose", status.verbose, "full ids");
    on_run(c, status, alloc_status);
    auto& logs = options_for<AllocOptions>();
    c = alloc->add_subcommand("logs", "print what a task has written");
    add_nomad_flags(c, logs.api);
    c->add_option("allocation", logs.id, "its id, or the beginning of it")->required();
    c->add_option("task", logs.task, "needed when there are several");
    c->add_flag("-f", logs.follow, "go on as it writes more");
    c->add_flag("--stderr", logs.standard_error, "standard error, not standard output");
    c->add_flag("--tail", logs.tail, "only the end");
    c->add_option("-n", logs.lines, "lines of the end");
    on_run(c, logs, alloc_logs);
  }

  void add_node() {
    auto& o = options_for<NodeOptions>();
    CLI::App* c = group("node", "look at nodes")->add_subcommand("status", "list nodes, or show one");
    add_nomad_flags(c, o.api);
    c->add_option("node", o.id, "its id, or the beginning of it");
    c->add_flag("--verbose", o.verbose, "full ids, attributes");
    on_run(c, o, node_status);
  }

  void add_service() {
    CLI::App* service = group("service", "look at and change the registry");
    auto& list = options_for<ApiOptions>();
    CLI::App* c = service->add_subcommand("list", "every service with its instances and their health");
    add_consul_flags(c, list);
    on_run(c, list, service_list);
    auto& in = options_for<ServiceRegistration>();
    c = service->add_subcommand("register", "register an instance, or change it");
    add_consul_flags(c, in.api);
    c->add_option("name", in.name, "the service's name")->required();
    c->add_option("--id", in.id, "the instance's id; the name where not given");
    c->add_option("--address", in.address, "its IP or host name; the registry's node where not given");
    c->add_option("--port", in.port, "its port");
    c->add_option("--tag", in.tags, "a tag; repeatable")->take_all()->allow_extra_args(false);
    c->add_option("--meta", in.meta, "KEY=VALUE; repeatable")->take_all()->allow_extra_args(false);
    c->add_option("--check-http", in.check_http, "a URL to check");
    c->add_option("--check-tcp", in.check_tcp, "HOST:PORT to check");
    c->add_option("--check-interval", in.check_interval, "between checks");
    on_run(c, in, service_register);
    auto& out = options_for<ServiceRegistration>();
    c = service->add_subcommand("deregister", "take an instance out");
    add_consul_flags(c, out.api);
    c->add_option("id", out.id, "the instance's id")->required();
    on_run(c, out, service_deregister);
  }

  static void add_admin_flag(CLI::App* command, ApiOptions& options) {
    options.address = "http://127.0.0.1:8081";
    command->add_option("--admin", options.address, "an edge's admin API")->envname("WEIR_ADMIN_ADDR");
  }

  void add_route() {
    CLI::App* route = group("route", "ask an edge about its routes");
    auto& list = options_for<RouteOptions>();
    CLI::App* c = route->add_subcommand("list", "every router, its service and endpoints");
    add_admin_flag(c, list.api);
    on_run(c, list, route_list);
    auto& explain = options_for<RouteOptions>();
    c = route->add_subcommand("explain", "which router would have a request, and why the others lose");
    add_admin_flag(c, explain.api);
    c->add_option("url", explain.url, "http://host/path")->required();
    c->add_option("-X,--request", explain.method, "the method");
    c->add_option("-H,--header", explain.headers, "\"Name: value\"; repeatable")->take_all()->allow_extra_args(false);
    c->add_option("--entrypoint", explain.entry_point,
                  "where it comes in; \"web\", or the edge's first, where not given");
    c->add_option("--client-ip", explain.client_ip, "who asks");
    c->add_option("--routes", explain.routes, "ask a folder of routes files, not an edge");
    on_run(c, explain, route_explain);
    auto& check = options_for<RouteOptions>();
    c = route->add_subcommand("lint", "shadowed routers, equal priorities, overlaps; exit code 1 where there are any");
    add_admin_flag(c, check.api);
    c->add_option("--routes", check.routes, "look at a folder of routes files, not at an edge");
    on_run(c, check, route_lint);
  }

  void add_config() {
    auto& o = options_for<ConfigCheckOptions>();
    CLI::App* c = group("config", "check configurations")
                      ->add_subcommand("check", "read a configuration and its routes files, print every error");
    c->add_option("--config,file", o.path, "a configuration file, with or without the word --config");
    c->add_option("--routes", o.routes, "a folder of routes files; the configuration's own where not given");
    on_run(c, o, config_check);
  }

  void add_rest() {
    app_.add_subcommand("version", "print the version")->callback([this] { run_ = print_version; });
    CLI::App* c = app_.add_subcommand("completion", "print a completion script for a shell");
    auto& shell = options_for<std::string>();
    c->add_option("shell", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    c->callback([this, &shell] { run_ = [this, &shell] { return print_completion(shell, words()); }; });
  }

  CLI::App* group(const std::string& name, const std::string& help) {
    CLI::App* made = app_.add_subcommand(name, help);
    made->require_subcommand(1);
    return made;
  }

  /// The tree as the completion scripts need it.
  std::vector<CommandWords> words() {
    std::vector<CommandWords> out;
    add_words(app_, "", out);
    return out;
  }
  static void add_words(CLI::App& command, const std::string& path, std::vector<CommandWords>& out) {
    CommandWords words{path, {}, {}};
    for (CLI::App* sub : command.get_subcommands({})) words.words.push_back(sub->get_name());
    for (CLI::Option* option : command.get_options()) {
      OptionWords one{{}, choices_of(*option), option->get_items_expected_max() > 0, option->get_description()};
      for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
      for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
      if (one.names.empty()) words.words = one.choices;
      if (!one.names.empty()) words.options.push_back(std::move(one));
    }
    out.push_back(std::move(words));
    for (CLI::App* sub : command.get_subcommands({}))
      add_words(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
  /// Of an option with a list of them, "TEXT:{text,json}" as its help has it.
  static std::vector<std::string> choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const size_t begin = type.find('{');
    if (begin == std::string::npos) return {};
    const auto choices = split_list(std::string_view(type).substr(begin + 1, type.find('}') - begin - 1), ',');
    return {choices.begin(), choices.end()};
  }

  CLI::App app_;
  std::vector<std::shared_ptr<void>> keep_;
  Run run_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    // Nomad's users write -detach and -var: long options with one dash are the same as with two. Those of a capital
    // letter are curl's, whose users write -XPOST.
    bool long_with_one_dash = argument.size() > 2 && argument[0] == '-' &&
                              std::islower(static_cast<unsigned char>(argument[1])) != 0 &&
                              std::isalpha(static_cast<unsigned char>(argument[2])) != 0;
    arguments.push_back(long_with_one_dash ? "-" + argument : argument);
  }
  CommandLine line;
  return line.run(std::move(arguments));
}

}  // namespace weir::app
