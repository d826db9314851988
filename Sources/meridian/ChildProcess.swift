// Owns the demo's child processes: started from this binary, ended by their pid.
internal import Glibc

/// A child that runs this binary with other arguments.
struct ChildProcess {
    let pid: pid_t

    /// Starts it. Its standard error is this process's; its standard output goes nowhere.
    init(_ arguments: [String]) throws(Failure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The child has to receive signals that this process blocks for itself. Ctrl-C in the terminal is for the demo
        // alone, which then ends its children in order.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        // SAFETY: the copies live until posix_spawn has returned; the list ends with a null, as it must.
        var vector: [UnsafeMutablePointer<CChar>?] = (["meridian"] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in vector { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, &vector, environ)
        guard code == 0 else { throw Failure("error: cannot start a child: \(String(cString: strerror(code)))") }
        pid = child
    }

    /// Whether it has ended.
    var hasEnded: Bool { waitpid(pid, nil, WNOHANG) != 0 }

    /// Asks it to end and waits; after three seconds it is killed.
    func end() {
        kill(pid, SIGTERM)
        for _ in 0..<300 {
            if waitpid(pid, nil, WNOHANG) != 0 { return }
            usleep(10_000)
        }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}
