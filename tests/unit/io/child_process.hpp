/// Runs a piece of a test in another process.
#pragma once

#include <cstdio>
#include <exception>

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bitnet_test {

/// Starts a process that does action() and ends with what it returns; 99 when it throws.
template <class Action>
pid_t start_child(const Action& action) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    int status = 99;
    try {
        status = action();
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "child: %s\n", problem.what());
    } catch (...) {  // a failed REQUIRE, which must not run the parent's remaining tests here
    }
    ::_exit(status);
}

/// What the process ended with; -1 when a signal ended it.
inline int end_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

template <class Action>
int in_child(const Action& action) {
    return end_of(start_child(action));
}

/// As in_child, without root's right to ignore permissions.
template <class Action>
int in_ordinary_child(const Action& action) {
    return in_child([&] {
        constexpr uid_t nobody = 65534;
        if (::geteuid() == 0 && ::setuid(nobody) != 0) return 98;
        return action();
    });
}

}  // namespace bitnet_test
