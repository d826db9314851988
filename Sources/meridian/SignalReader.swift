// Owns signals: blocked for all threads and read one by one on the main thread.
internal import Glibc

/// Reads signals that are blocked everywhere else.
struct SignalReader {
    private var set = sigset_t()

    /// Blocks `signals` in this thread and those it starts, and ignores SIGPIPE.
    init(_ signals: [Int32]) {
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// The next signal; waits for it.
    func next() -> Int32 {
        var set = set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return number
    }

    /// A signal that is already pending or arrives within a tenth of a second; 0: none.
    func poll() -> Int32 {
        var set = set
        var limit = timespec(tv_sec: 0, tv_nsec: 100_000_000)
        let number = sigtimedwait(&set, nil, &limit)
        return number > 0 ? number : 0
    }
}
