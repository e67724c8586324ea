#include "interrupt.hpp"

#include <csignal>
#include <cstdlib>
#include <initializer_list>

#include <sys/time.h>
#include <unistd.h>

namespace cli {
namespace {

volatile std::sig_atomic_t interrupted_by = 0;

/// A clean end took too long.
void give_up(int) { ::kill(::getpid(), interrupted_by); }  // at its default action since it came

void remember(int signal) {
    interrupted_by = signal;
    const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 900'000}};
    ::setitimer(ITIMER_REAL, &soon, nullptr);
}

}  // namespace

void listen_for_interrupts() {
    struct sigaction action {};
    action.sa_handler = give_up;
    ::sigaction(SIGALRM, &action, nullptr);
    action.sa_handler = remember;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    for (const int signal : {SIGINT, SIGTERM}) {
        struct sigaction before {};
        ::sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // as nohup and background jobs have it
    }
}

bool was_interrupted() { return interrupted_by != 0; }

void throw_if_interrupted() {
    if (was_interrupted()) throw Interrupted("interrupted");
}

void end_interrupted() {
    std::signal(interrupted_by, SIG_DFL);
    ::kill(::getpid(), interrupted_by);
    std::_Exit(128 + interrupted_by);  // where that signal is blocked
}

}  // namespace cli
