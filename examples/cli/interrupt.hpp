/// Ctrl-C: work ends where it next tells how far it is, and leaves as little behind as an error does.
#pragma once

#include <stdexcept>

namespace cli {

/// Thrown where somebody asked the program to end.
class Interrupted : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// From now on SIGINT and SIGTERM are remembered, for commands that have something to clean up. Who does not come to throw_if_interrupted() within 0.9 s, or a
/// minute more where there is WorkToSave, or from there to end_interrupted() in a minute, ends as if nobody had listened, and so does everybody at the second signal.
void listen_for_interrupts();
bool was_interrupted();
void throw_if_interrupted();

/// While it lives, what was done is worth a minute of waiting: steps of training, which a checkpoint keeps.
class WorkToSave {
public:
    WorkToSave();
    ~WorkToSave();
    WorkToSave(const WorkToSave&) = delete;
    WorkToSave& operator=(const WorkToSave&) = delete;
};

/// Ends the program by the signal that it was sent.
[[noreturn]] void end_interrupted();

}  // namespace cli
