#include "interrupt.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

#include <sys/time.h>
#include <unistd.h>

namespace cli {
namespace {

std::atomic<int> interrupted_by{0};
static_assert(std::atomic<int>::is_always_lock_free);  // a handler stores it, on any thread

void end_by(int signal) {
    ::signal(signal, SIG_DFL);
    ::kill(::getpid(), signal);
}
/// A clean end took too long.
void give_up(int) { end_by(interrupted_by); }

void give_up_in(time_t seconds, suseconds_t microseconds) {
    const itimerval timer{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = microseconds}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

void remember(int signal) {
    if (interrupted_by.exchange(signal) != 0) return end_by(signal);
    give_up_in(0, 900'000);
}

}  // namespace

void listen_for_interrupts() {
    struct sigaction action {};
    action.sa_handler = give_up;
    ::sigaction(SIGALRM, &action, nullptr);
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGINT, SIGTERM}) {
        struct sigaction before {};
        ::sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // as nohup and background jobs have it
    }
}

bool was_interrupted() { return interrupted_by != 0; }

void throw_if_interrupted() {
    if (!was_interrupted()) return;
    give_up_in(10, 0);  // a checkpoint may be large
    throw Interrupted("interrupted");
}

void end_interrupted() {
    end_by(interrupted_by);
    std::_Exit(128 + interrupted_by);  // where that signal is blocked
}

}  // namespace cli
