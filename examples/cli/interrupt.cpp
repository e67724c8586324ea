#include "interrupt.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include <sys/time.h>
#include <unistd.h>

namespace cli {
namespace {

std::atomic<int> interrupted_by{0};
std::atomic<bool> has_work_to_save{false}, patient{false};  ///< patient: has given more time
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);  // handlers store them, on any thread
constexpr time_t patience = 60;  ///< seconds

void end_by(int signal) {
    ::signal(signal, SIG_DFL);
    ::kill(::getpid(), signal);
}
void give_up_in(time_t seconds, suseconds_t microseconds) {
    const itimerval timer{.it_interval = {}, .it_value = {.tv_sec = seconds, .tv_usec = microseconds}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// No clean end so far.
void give_up(int) {
    if (!has_work_to_save || patient.exchange(true)) return end_by(interrupted_by);
    give_up_in(patience, 0);
    constexpr std::string_view text = "\ninterrupted: the step that runs ends first, so that it can be resumed; once more, and it does not\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
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
    patient = true;
    give_up_in(patience, 0);  // a checkpoint may be large
    throw Interrupted("interrupted");
}

WorkToSave::WorkToSave() { has_work_to_save = true; }
WorkToSave::~WorkToSave() { has_work_to_save = false; }

void end_interrupted() {
    end_by(interrupted_by);
    std::_Exit(128 + interrupted_by);  // where that signal is blocked
}

}  // namespace cli
