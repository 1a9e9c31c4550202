// PIDs, fork, exit, wait, groups, domains, over a machine that does nothing.
#include "fake_world.hpp"
#include "servers/proc/procfs/text.hpp"
#include "servers/proc/procfs/tree.hpp"
#include <doctest/doctest.h>

using namespace proc;

namespace {
/// The last answer that went out late.
FakeReplies::Answer last(World& world) {
    REQUIRE(!world.replies.answers.empty());
    return world.replies.answers.back();
}
} // namespace

TEST_CASE("PIDs count up in every namespace and translate both ways") {
    World world;
    CHECK(world.init->pid->number() == 1);
    Process* const a = world.fork(*world.init);
    REQUIRE(a != nullptr);
    CHECK(a->pid->number() == 2);
    CHECK(a->parent == world.init);
    REQUIRE(world.core.unshare(*a->leader(), clone_flag::new_pid));
    CHECK(world.core.unshare(*a->leader(), clone_flag::new_pid).error() == Error::Invalid);
    Process* const b = world.fork(*a); // seen from a's own namespace
    REQUIRE(b != nullptr);
    CHECK(b->pid->number() == 1);
    CHECK(b->pid->number_in(*world.domain->space) == 3);
    CHECK(a->pid->number_in(b->space()) == 0);
    CHECK(b->space().init == b);
    Process* const c = world.fork(*b);
    CHECK(c->pid->number() == 2);
    CHECK(c->pid->number_in(*world.domain->space) == 4);
    CHECK(world.core.table.find(*world.domain->space, 4) == c);
    CHECK(world.core.table.find(b->space(), 4) == nullptr);
    CHECK(Pid::find_global(c->pid->global) == c->pid);
    // b's end takes c along, and nobody is born there any more.
    world.exit(*b, 3);
    CHECK(world.core.table.find(*world.domain->space, 4) == nullptr);
    auto const again = world.call(*a->leader(), [&] {
        return world.core.clone(*a->leader(), {0, 0, 0, 0, 0, 17, 0, 0});
    });
    CHECK(again.error() == Error::NoMemory);
    auto const ended = world.wait(*a, -1);
    REQUIRE(ended);
    CHECK(ended->pid == 3);
    CHECK(ended->status == 3 << 8);
}

TEST_CASE("wait: zombies, ECHILD, WNOHANG, deferral, stopped and continued children") {
    World world;
    Process& init = *world.init;
    CHECK(world.wait(init, -1).error() == Error::NoChild);
    Process* const a = world.fork(init);
    std::int32_t const pid = a->pid->number();
    CHECK(world.wait(init, 77).error() == Error::NoChild);
    auto none = world.wait(init, -1, 4 | wait_option::no_hang);
    REQUIRE(none);
    CHECK(none->pid == 0);
    world.exit(*a, 7);
    auto kept = world.wait(init, pid, 4 | wait_option::no_wait);
    REQUIRE(kept);
    CHECK(kept->status == 7 << 8);
    auto taken = world.wait(init, pid);
    REQUIRE(taken);
    CHECK(taken->code == 1);
    CHECK(world.wait(init, pid).error() == Error::NoChild);

    Process* const b = world.fork(init);
    CHECK(world.wait(init, -1, 4 | 2 | 8).error() == Error::Deferred);
    CHECK(init.leader()->blocked == Blocked::Wait);
    world.core.set_group(init, b->pid->number(), 0).value();
    REQUIRE(world.kill(*b, b->pid->number(), signal_number::stop));
    CHECK(last(world).error == Error::None);
    CHECK(std::get<proto::WaitResult>(last(world).value).status == (19 << 8 | 0x7f));
    CHECK(b->stopped);
    CHECK(world.state(*b).state == abi::ThreadState::Inactive);
    CHECK(!world.wait(init, -1, 4 | 2 | 8 | 1)->pid);
    CHECK(world.wait(init, -1, 4 | 2 | 8).error() == Error::Deferred);
    init.leader()->blocked = Blocked::Wait;
    proto::SignalInformation go{};
    go.number = 18;
    world.core.send(*b, go, true);
    CHECK(std::get<proto::WaitResult>(last(world).value).status == 0xffff);
    CHECK(world.state(*b).state == abi::ThreadState::Running);
    CHECK(world.wait(init, -1).error() == Error::Deferred);
    go.number = 9;
    world.core.send(*b, go, true);
    CHECK(std::get<proto::WaitResult>(last(world).value).status == 9);
}

TEST_CASE("SIGCHLD ignored: no zombies, and a waiter learns that there is nobody left") {
    World world;
    world.handler(*world.init, 17, 1);
    Process* const a = world.fork(*world.init);
    CHECK(world.wait(*world.init, -1).error() == Error::Deferred);
    world.exit(*a, 0);
    CHECK(last(world).error == Error::NoChild);
    CHECK(world.core.table.all.size() == 1);
}

TEST_CASE("orphans go to init; its zombies can be waited for") {
    World world;
    Process* const a = world.fork(*world.init);
    Process* const b = world.fork(*a);
    world.exit(*a, 0);
    CHECK(b->parent == world.init);
    CHECK(world.core.area(*b->leader()).parent_id == 1);
    world.exit(*b, 5);
    CHECK(world.wait(*world.init, -1));
    CHECK(world.wait(*world.init, -1));
    CHECK(world.core.table.all.size() == 1);
}

TEST_CASE("vfork: the parent goes on at exec or exit") {
    World world;
    auto const made = world.call(*world.init->leader(), [&] {
        return world.core.clone(*world.init->leader(), {clone_flag::vm | clone_flag::vfork, 0, 0, 0, 0, 17, 0, 0});
    });
    CHECK(made.error() == Error::Deferred);
    Process* const child = world.core.table.find(*world.domain->space, 2);
    REQUIRE(child != nullptr);
    CHECK(child->memory == world.init->memory);
    CHECK(child->memory->references() == 2);
    world.exit(*child, 1);
    CHECK(std::get<std::int32_t>(last(world).value) == 2);
    CHECK(world.init->memory->references() == 1);
}

TEST_CASE("a process that leaves a zombie to a waiting heir is not taken for one before it is") {
    World world;
    Process& init = *world.init;
    Process* const parent = world.fork(init);
    Process* const child = world.fork(*parent);
    std::int32_t const parent_number = parent->pid->number(), child_number = child->pid->number();
    world.exit(*child, 3);
    CHECK(world.wait(init, -1).error() == Error::Deferred);
    world.exit(*parent, 4);
    CHECK(std::get<proto::WaitResult>(last(world).value).pid == child_number);
    auto const taken = world.wait(init, -1);
    REQUIRE(taken);
    CHECK(taken->pid == parent_number);
    CHECK(taken->status == 4 << 8);
    CHECK(world.wait(init, -1).error() == Error::NoChild);
}

TEST_CASE("a child and a thread begin with the floating-point registers of whoever made them") {
    World world;
    world.machine.threads.at(world.init->leader()->kernel).floating_point = 7;
    Process* const child = world.fork(*world.init);
    REQUIRE(child != nullptr);
    CHECK(world.state(*child).floating_point == 7);
}

TEST_CASE("threads: one CSpace and memory, tgkill, exit of each and of all") {
    World world;
    constexpr std::uint32_t flags =
        clone_flag::vm | clone_flag::fs | clone_flag::files | clone_flag::sighand | clone_flag::thread;
    Process* const a = world.fork(*world.init);
    auto const tid = world.call(*a->leader(), [&] {
        return world.core.clone(*a->leader(), {flags, 0x9000, 0, 0, 0, 0, 0, 0});
    });
    REQUIRE(tid);
    CHECK(*tid == 3);
    CHECK(a->threads.size() == 2);
    Thread* const second = world.core.table.find_thread(*world.domain->space, 3);
    CHECK(world.core.area(*second).frame.esp == 0x9000);
    CHECK(second->process_slot != a->leader()->process_slot);
    CHECK(world.call(*a->leader(), [&] { return world.core.kill(*a->leader(), 2, 99, 0); }).error() ==
          Error::NoProcess);
    CHECK(world.call(*a->leader(), [&] { return world.core.kill(*a->leader(), 2, 3, 0); }));
    world.call(*second, [&]() -> ipc::Result<ipc::Unit> {
        world.core.exit_thread(*second, 0);
        return ipc::Unit{};
    });
    CHECK(a->threads.size() == 1);
    world.core.exit_thread(*a->leader(), 4);
    CHECK(a->exit_status == 4 << 8);
}

TEST_CASE("a failed fork leaves everything as it was, at whichever step") {
    World world;
    Process& init = *world.init;
    for (std::uint32_t flags :
         {0u, clone_flag::vm | clone_flag::vfork, clone_flag::new_pid | clone_flag::new_uts | clone_flag::new_mount,
          clone_flag::vm | clone_flag::fs | clone_flag::files | clone_flag::sighand | clone_flag::thread}) {
        for (int step = 0; step < 12; ++step) {
            auto const used = world.domain->account.used();
            int const capabilities = world.machine.capabilities, cspaces = world.machine.cspaces;
            auto const slots = world.machine.slots.size();
            auto const badges = world.core.table.badges.used();
            auto const tasks = world.domain->tasks;
            auto const spaces = PidNamespace::count;
            world.machine.fail_after = step;
            auto const made = world.call(*init.leader(), [&] {
                return world.core.clone(*init.leader(), {flags, 0, 0, 0, 0, 17, 0, 0});
            });
            bool const failed = world.machine.fail_after == -1;
            world.machine.fail_after = -1;
            if (!failed) {
                // Past its last step: it worked. Take it down again.
                CHECK((made || made.error() == Error::Deferred));
                while (init.threads.size() > 1) {
                    Thread* const extra = init.threads.next(*init.leader());
                    world.core.exit_thread(*extra, 0);
                }
                while (Process* const child = init.children.first()) {
                    if (child->alive()) world.exit(*child, 0);
                    world.wait(init, -1).value();
                }
            }
            CHECK(world.domain->account.used() == used);
            CHECK(world.machine.capabilities == capabilities);
            CHECK(world.machine.cspaces == cspaces);
            CHECK(world.machine.slots.size() == slots);
            CHECK(world.core.table.badges.used() == badges);
            CHECK(world.domain->tasks == tasks);
            CHECK(PidNamespace::count == spaces);
            if (!failed) break;
        }
    }
}

TEST_CASE("limits: refuse, and kill with the culprit named") {
    World world;
    proto::DomainLimits limits{};
    limits.processes = 3;
    Domain* const domain = world.core.create_domain(limits, true, "box");
    Process* const init = world.begin(*domain);
    CHECK(init->pid->number() == 1);
    CHECK(world.fork(*init) != nullptr);
    Process* const second = world.fork(*init);
    CHECK(second != nullptr);
    CHECK(world.call(*second->leader(),
                     [&] {
                         return world.core.clone(*second->leader(), {0, 0, 0, 0, 0, 17, 0, 0});
                     })
              .error() == Error::Again);
    CHECK(domain->refused_processes == 1);
    CHECK(init->alive());
    // Nobody outside is visible, nor the other way round.
    CHECK(world.core.table.find(*world.domain->space, 2) == nullptr);
    CHECK(world.kill(*init, 4, 9).error() == Error::NoProcess);

    domain->limits.on_limit = 1;
    world.call(*second->leader(), [&] { return world.core.clone(*second->leader(), {0, 0, 0, 0, 0, 17, 0, 0}); });
    CHECK(domain->end == proto::DomainEnd::ProcessLimit);
    CHECK(domain->culprit == 3);
    CHECK(domain->culprit_wanted == 4);
    CHECK(domain->processes.empty());
    CHECK(domain->tasks == 0);
    CHECK(domain->account.used() == 0);
    CHECK(domain->account.chunks() == 0);
    // And again.
    Process* const anew = world.begin(*domain);
    REQUIRE(anew != nullptr);
    CHECK(anew->pid->number() == 1);
    CHECK(domain->end == proto::DomainEnd::Running);
}

TEST_CASE("pause holds everybody, also the new; resume lets them go; stop works while paused") {
    World world;
    Domain* const domain = world.core.create_domain({}, true, "box");
    Process* const init = world.begin(*domain);
    Process* const a = world.fork(*init);
    Process* const stopped = world.fork(*init);
    proto::SignalInformation stop{};
    stop.number = 19;
    world.core.send(*stopped, stop, true);
    CHECK(world.call(*a->leader(), [&] { return world.core.sleep(*a->leader(), 1, false, 1000); }).error() ==
          Error::Deferred);
    world.core.pause(*domain);
    CHECK(world.state(*init).state == abi::ThreadState::Inactive);
    world.clock.time += 5000;
    world.core.clock_alarm(); // the sleep ends while it is paused
    CHECK(world.state(*a).state == abi::ThreadState::Inactive);
    world.core.unpause(*domain);
    CHECK(world.state(*init).state == abi::ThreadState::Running);
    CHECK(world.state(*a).state == abi::ThreadState::Running);
    CHECK(world.state(*stopped).state == abi::ThreadState::Inactive);
    world.core.pause(*domain);
    world.core.stop_domain(*domain, proto::DomainEnd::Stopped);
    CHECK(domain->end == proto::DomainEnd::Stopped);
    CHECK(domain->processes.empty());
    CHECK(domain->account.chunks() == 0);
}

TEST_CASE("job control: foreground, background, orphaned groups, hang-up") {
    World world;
    Process* const shell = world.fork(*world.init);
    REQUIRE(world.core.set_session(*shell));
    CHECK(world.core.set_session(*shell).error() == Error::NotPermitted);
    CapabilityPointer const terminal = 900;
    ++world.machine.capabilities;
    world.owners.terminals[terminal] = 0;
    REQUIRE(world.core.set_terminal(*shell, terminal, false));
    CHECK(world.owners.terminals[terminal] == shell->pid->global);
    CHECK(world.core.foreground(*shell, terminal) == shell->pid->number());
    Process* const job = world.fork(*shell);
    REQUIRE(world.core.set_group(*shell, job->pid->number(), 0));
    CHECK(world.core.area(*job->leader()).process_group == job->pid->global);
    REQUIRE(world.call(*shell->leader(),
                       [&] { return world.core.set_foreground(*shell->leader(), terminal, job->pid->number()); }));
    CHECK(world.owners.foregrounds[terminal] == job->pid->global);
    // ^Z
    world.owners.signals.push_back({job->pid->global, signal_number::tstp});
    world.core.terminal_signals();
    CHECK(job->stopped);
    // The shell takes the terminal back although it is in the background: it ignores SIGTTOU.
    world.handler(*shell, signal_number::ttou, 1);
    REQUIRE(world.call(*shell->leader(),
                       [&] { return world.core.set_foreground(*shell->leader(), terminal, shell->pid->number()); }));
    auto const seen = world.wait(*shell, -1, 4 | 2);
    REQUIRE(seen);
    CHECK(seen->status == (20 << 8 | 0x7f));
    // The session leader ends: its stopped job is orphaned, gets SIGHUP and SIGCONT, and ends.
    std::int32_t const job_pid = job->pid->number();
    world.exit(*shell, 0);
    Process* const left = world.core.table.find(*world.domain->space, job_pid);
    CHECK((left == nullptr || left->state == ProcessState::Zombie));
    CHECK(world.owners.terminals[terminal] == 0);
}

TEST_CASE("credentials: setuid rules and capabilities") {
    Credentials c;
    CHECK(c.set_identity(0, 1000, 0, 0, 0));
    CHECK(c.effective == 0);
    CHECK(c.set_identity(0, 0, 0, 0, 0).error() == Error::NotPermitted);
    Credentials d;
    CHECK(d.set_identity(4, ~0u, 1000, ~0u, 0));
    CHECK(d.effective == 0);
    CHECK(d.permitted == capability::all);
    CHECK(d.set_identity(4, ~0u, 0, ~0u, 0));
    CHECK(d.effective == capability::all);
    Credentials user;
    user.set_identity(4, 1000, 1000, 1000, 0).value();
    CHECK(user.execute(04755, 0, 0, 0));
    CHECK(user.effective_user == 0);
    CHECK(user.effective == capability::all);
}

TEST_CASE("futex: wait, wake, requeue, time-out") {
    World world;
    Process* const a = world.fork(*world.init);
    Thread& thread = *a->leader();
    auto const at = a->memory->map(0, 4096, 3, 0x22, 0, nullptr);
    REQUIRE(at);
    REQUIRE(a->memory->write(*at, std::uint32_t{5}));
    CHECK(world.call(thread, [&] { return world.core.futex(thread, *at, 0, 4, ~0ull, 0, 0); }).error() == Error::Again);
    CHECK(world.call(thread, [&] { return world.core.futex(thread, *at, 0, 5, ~0ull, 0, 0); }).error() ==
          Error::Deferred);
    CHECK(world.core.futex_wake(*a->memory, *at, 1, ~0u) == 1);
    CHECK(last(world).error == Error::None);
    CHECK(world.call(thread, [&] { return world.core.futex(thread, *at, 128, 5, world.clock.time + 100, 0, 0); })
              .error() == Error::Deferred);
    world.clock.time += 200;
    world.core.clock_alarm();
    CHECK(last(world).error == Error::TimedOut);
    CHECK(world.core.futex_wake(*a->memory, *at, 1, ~0u) == 0);
}

TEST_CASE("texts of /proc") {
    World world;
    Process* const a = world.fork(*world.init);
    a->set_name("sleep");
    std::string const status = process_status(world.core, *a, nullptr, *world.domain->space);
    CHECK(status.find("Name:\tsleep\n") == 0);
    CHECK(status.find("\nPid:\t2\n") != std::string::npos);
    CHECK(status.find("\nPPid:\t1\n") != std::string::npos);
    CHECK(status.find("\nNSpid:\t2\n") != std::string::npos);
    CHECK(status.find("\nCapEff:\t000001ffffffffff\n") != std::string::npos);
    std::string const stat = process_stat(world.core, *a, nullptr, *world.domain->space);
    CHECK(stat.starts_with("2 (sleep) "));
    CHECK(std::count(stat.begin(), stat.end(), ' ') == 51);
    CHECK(system_meminfo(world.core, *world.domain).starts_with("MemTotal:  "));
    std::string const load = system_loadavg(world.core, *a, *world.domain->space);
    CHECK(load.starts_with("0.00 0.00 0.00 "));
    CHECK(process_limits(*a).find("Max open files            1024                 1024                 files     \n") !=
          std::string::npos);
    CHECK(system_uptime(world.core) == "1.00 1.00\n");

    Node root;
    auto const directory = look_up(world.core, *world.domain->space, root, "2");
    REQUIRE(directory);
    CHECK(look_up(world.core, *world.domain->space, root, "02").error() == Error::NoEntry);
    CHECK(look_up(world.core, *world.domain->space, root, "99").error() == Error::NoEntry);
    auto const file = look_up(world.core, *world.domain->space, *directory, "stat");
    REQUIRE(file);
    CHECK(path_of(world.core, *world.domain->space, *file) == "2/stat");
    CHECK(look_up(world.core, *world.domain->space, *file, "x").error() == Error::NotDirectory);
}
