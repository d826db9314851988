// Owns what a backend remembers of one descriptor.

/// Edge-triggered readiness (epoll), and the copy of the address that a connect in flight reads (io_uring).
struct EdgeState {
    var readable = false
    var writable = true
    var hungUp = false
    /// Polls without an answer, each owed one completion.
    var polls: [PollInterest] = []
    var cancelled = false
    var receiveQueued = false
    var sendQueued = false
    var watched = false
    // SAFETY: allocated for one connect, freed when it completed or the stream is forgotten.
    var connectAddress: UnsafeMutableRawPointer?

    struct PollInterest { var readable, writable: Bool }

    mutating func releaseAddress() {
        connectAddress?.deallocate()
        connectAddress = nil
    }
}
