/// A directory that appears whole or not at all, and single files that are on the disk when the call returns.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>

namespace bitnet::inline BITNET_ABI {

/// Creates the file or replaces its content with `text`, and waits until it is on the disk. Errors are errc::io.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    FileDescriptor file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) throw_io_error(path, "create", errno);
    write_at(file, 0, std::as_bytes(std::span(text)), path);
    sync_file(file, path);
    file.close(path);
}

namespace detail {

/// What has that name, without following a symbolic link; errc::io when the system does not tell.
inline std::filesystem::file_type type_at(const std::filesystem::path& path) {
    std::error_code reason;
    const auto type = std::filesystem::symlink_status(path, reason).type();
    if (type == std::filesystem::file_type::none) throw_io_error(path, "look at", reason.value());
    return type;
}
inline bool exists_at(const std::filesystem::path& path) {
    return type_at(path) != std::filesystem::file_type::not_found;
}

inline void remove_tree(const std::filesystem::path& path) {
    std::error_code reason;
    std::filesystem::remove_all(path, reason);
    if (reason) throw_io_error(path, "remove", reason.value());
}

inline void rename_or_throw(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) throw_io_error(from, message("rename to ", to.string()), errno);
}

inline void sync_path(const std::filesystem::path& path) {
    const FileDescriptor file = open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!file.is_open()) throw_io_error(path, "open", errno);
    sync_file(file, path);
}

/// Waits until every file below, and then each directory's list of them, is on the disk.
inline void sync_tree(const std::filesystem::path& directory) {
    std::error_code reason;
    for (std::filesystem::directory_iterator entry(directory, reason), end; !reason && entry != end;
         entry.increment(reason)) {
        const auto type = type_at(entry->path());
        if (type == std::filesystem::file_type::directory) sync_tree(entry->path());
        if (type == std::filesystem::file_type::regular) sync_path(entry->path());
    }
    if (reason) throw_io_error(directory, "list", reason.value());
    sync_path(directory);
}

/// `<target>.partial.lock`: held by the one run that writes the target, and after a killed run the note of what it
/// left. Beside the working directory, not in it, so that it also covers the moment when that becomes the target.
class RunLock {
public:
    explicit RunLock(const std::filesystem::path& target) : path_(target) {
        path_ += ".partial.lock";
        do {
            file_ = open_file(path_, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
            if (!file_.is_open()) throw_io_error(path_, "create", errno);
            if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
                if (errno == EWOULDBLOCK)
                    throw error(errc::exists, message("another run is writing ", target.string()));
                throw_io_error(path_, "lock", errno);
            }
        } while (!still_there());  // the run that held it may have removed it before it let go
        std::array<char, 64> text;
        const ssize_t size = ::pread(file_.number(), text.data(), text.size(), 0);
        if (size < 0) throw_io_error(path_, "read", errno);
        note_.assign(text.data(), static_cast<std::size_t>(size));
        if (!note_.empty() && note_ != made && note_ != moved)
            throw error(errc::exists, message(path_.string(), ": is in the way; remove or rename it"));
    }
    RunLock(const RunLock&) = delete;
    RunLock& operator=(const RunLock&) = delete;
    ~RunLock() {
        if (note_.empty()) ::unlink(path_.c_str());  // while it is locked, so nobody else holds it
    }

    static constexpr std::string_view made = "made";    ///< the working directory is ours
    static constexpr std::string_view moved = "moved";  ///< and so is the old target under its other name

    /// What there is to clean up when this run is killed, or what a killed run left. Empty: nothing.
    std::string_view note() const noexcept { return note_; }
    void set_note(std::string_view text) {
        write_at(file_, 0, std::as_bytes(std::span(text)), path_);  // before it is cut: never empty in between
        if (::ftruncate(file_.number(), static_cast<off_t>(text.size())) != 0) throw_io_error(path_, "write", errno);
        sync_file(file_, path_);
        note_ = text;
    }

private:
    bool still_there() const {
        struct stat ours {}, named {};
        return ::fstat(file_.number(), &ours) == 0 && ::lstat(path_.c_str(), &named) == 0 &&
               ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    }

    std::filesystem::path path_;
    FileDescriptor file_;
    std::string note_;
};

/// Where the file system cannot exchange two directories: the old one away, the new one in. Killed between the two
/// renames, the next run undoes the first by the lock's note.
inline void replace_by_two_renames(RunLock& lock, const std::filesystem::path& working,
                                   const std::filesystem::path& target, const std::filesystem::path& away) {
    if (exists_at(away)) throw error(errc::exists, message(away.string(), ": is in the way; remove or rename it"));
    lock.set_note(RunLock::moved);
    rename_or_throw(target, away);
    try {
        rename_or_throw(working, target);
    } catch (...) {
        std::rename(away.c_str(), target.c_str());
        throw;
    }
    remove_tree(away);
}

}  // namespace detail

/// Builds a directory beside its final place and moves it there in one step, so that a crash, a kill or a full disk
/// leaves at `target` either everything that was there before or everything that is there now.
///
/// The work is done in `<target>.partial`, which only one run at a time may have and which is removed when commit()
/// was not reached; what a killed run left there, the next one removes. Of a file system that cannot exchange two
/// directories, a kill in the middle of replacing may leave the old one at `<target>.replaced` until the next run.
///
/// A target that exists is replaced only if `replace` is true and it is an empty directory or holds a file called
/// `marker`, by which our outputs are known: a mistyped name must not cost anybody a home directory.
///
/// Errors  errc::exists when the target exists and may not be replaced, or another run is writing it; errc::bad_value
///         for a target without a name of its own, such as ".."; errc::io when the system refuses
class AtomicDirectory {
public:
    AtomicDirectory(const std::filesystem::path& target, bool replace, std::string_view marker)
        : target_(named(target)), working_(beside(".partial")), away_(beside(".replaced")), marker_(marker),
          replace_(replace), lock_(target_) {
        clean_up();
        check_target();
        ::rmdir(working_.c_str());  // of a run killed before its note; only an empty directory goes
        if (::mkdir(working_.c_str(), 0777) != 0) {
            if (errno == EEXIST)
                throw error(errc::exists, message(working_.string(), ": is in the way; remove or rename it"));
            throw_io_error(working_, "create", errno);
        }
        try {
            lock_.set_note(detail::RunLock::made);
        } catch (...) {
            ::rmdir(working_.c_str());
            throw;
        }
    }
    AtomicDirectory(const AtomicDirectory&) = delete;
    AtomicDirectory& operator=(const AtomicDirectory&) = delete;
    ~AtomicDirectory() {
        try {
            clean_up();
        } catch (...) {  // the lock file keeps its note, and the next run tries again
        }
    }

    /// Where to write until commit().
    const std::filesystem::path& path() const noexcept { return working_; }
    const std::filesystem::path& target() const noexcept { return target_; }

    /// Waits until everything in path() is on the disk, then makes it the target.
    void commit() {
        detail::sync_tree(working_);
        check_target();
        if (!detail::exists_at(target_)) {
            detail::rename_or_throw(working_, target_);
        } else if (::renameat2(AT_FDCWD, working_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
            if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
                throw_io_error(target_, "replace", errno);
            detail::replace_by_two_renames(lock_, working_, target_, away_);
        }
        detail::sync_path(parent());
        clean_up();  // after an exchange the old target is in the working directory's place
    }

private:
    /// The target without a slash at its end. Its parent must be there: a mistyped path is not made true.
    static std::filesystem::path named(std::filesystem::path target) {
        if (!target.has_filename()) target = target.parent_path();
        const auto name = target.filename();
        if (name.empty() || name == "." || name == "..")
            throw error(errc::bad_value, message("\"", target.string(), "\" is no name for a new directory"));
        const auto parent = target.parent_path();
        std::error_code ignored;
        if (!parent.empty() && !std::filesystem::is_directory(parent, ignored))
            throw error(errc::io, message(target.string(), ": cannot create: there is no directory ", parent.string()));
        return target;
    }
    std::filesystem::path parent() const { return target_.has_parent_path() ? target_.parent_path() : "."; }
    std::filesystem::path beside(std::string_view suffix) const {
        std::filesystem::path out = target_;
        return out += suffix;
    }

    /// Throws unless the target is absent or may be replaced.
    void check_target() const {
        using std::filesystem::file_type;
        const file_type type = detail::type_at(target_);
        if (type == file_type::not_found) return;
        const auto refuse = [this](std::string_view why) {
            throw error(errc::exists, message(target_.string(), why));
        };
        if (type == file_type::symlink) refuse(" is a symbolic link; name the directory that it stands for");
        if (type != file_type::directory) refuse(" exists and is not a directory");
        if (!replace_) refuse(" exists; use --force to replace it");
        std::error_code reason;
        const bool empty = std::filesystem::is_empty(target_, reason);
        if (reason) throw_io_error(target_, "list", reason.value());
        if (!empty && detail::type_at(target_ / marker_) != file_type::regular)
            refuse(message(" is not replaced: it is not empty and holds no ", marker_));
    }

    /// Removes what a run, this one or a killed one, has left beside the target, and then the note of it.
    void clean_up() {
        if (lock_.note().empty()) return;
        if (lock_.note() == detail::RunLock::moved && detail::exists_at(away_)) {
            if (detail::exists_at(target_))
                detail::remove_tree(away_);
            else
                detail::rename_or_throw(away_, target_);
        }
        detail::remove_tree(working_);
        lock_.set_note({});
    }

    std::filesystem::path target_, working_, away_;
    std::string marker_;
    bool replace_;
    detail::RunLock lock_;
};

}  // namespace bitnet::inline BITNET_ABI
